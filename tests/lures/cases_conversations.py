"""What the exported conversations are; the files themselves are written by hand."""

D, S, N = "dangerous", "suspicious", "nothing found"

CASES = [
    ("01-whatsapp-persona.txt", "en", D, "WhatsApp (iPhone): praise, offer, ZIP with reader and password, private computer",
     "praise, then a salary twice as high, then an archive with password to be opened only with its reader, and secrecy"),
    ("02-whatsapp-persona-de.txt", "de", D, "WhatsApp (Android): Lob, Angebot, ISO mit Betrachter, Warnung übergehen",
     "erst Lob, dann viel Geld, dann ein Abbild mit Programm für den privaten Rechner; die Warnung soll übergangen werden"),
    ("03-telegram-persona-ko.json", "ko", D, "텔레그램: 칭찬, 제안, 뷰어가 든 암호 ZIP, 비밀 유지",
     "칭찬, 높은 연봉, 비밀번호 걸린 파일을 동봉된 뷰어로만 열라 하고 회사에는 비밀로 하라 함"),
    ("04-telegram-coding-test.json", "en", S, "Telegram: a coding test to be run at once, outside a container",
     "stranger from LinkedIn presses to run his source tree, without container and with the antivirus off"),
    ("05-linkedin-persona.csv", "en", S, "LinkedIn: praise, offer, wish for WhatsApp or private mail, cloud link with viewer",
     "the whole course: praise, salary, change of channel, then an archive with a viewer behind a link"),
    ("06-linkedin-persona-de.csv", "de", S, "LinkedIn: Lob, Angebot, Eignungstest mit PuTTY, Kennwort über Signal",
     "Lob, Gehalt, ein Test mit eigenem SSH-Programm, Kennwort auf anderem Weg, privater Rechner"),
    ("07-whatsapp-recruiter.txt", "en", N, "WhatsApp (US dates): honest recruiter about an interview date",
     "asked for, office and firm named; only the candidate's own CV is sent"),
    ("08-whatsapp-friends-de.txt", "de", N, "WhatsApp-Gruppe von Freunden mit Fotos als ZIP",
     "Freunde verabreden sich; ein ZIP mit Bildern und ein neuer Arbeitsplatz ergeben keinen Verlauf"),
    ("09-telegram-friends.json", "en", N, "Telegram: friends about a meetup, with slides and a repository",
     "no offer to the reader, no urging, nothing to run"),
    ("10-linkedin-recruiter.csv", "en", N, "LinkedIn: honest recruiter, one message and a friendly end",
     "own site and telephone, no file, no change of channel, no pressing"),
]
