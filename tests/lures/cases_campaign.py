"""The lures: every variation of case B and of its relatives that the dossier names, and the patch mail of case A.

Each case: name, language, least verdict, what it is, why a person would agree; then the mail.
"""

import containers as c
from mime import Mail, calendar, page
from world import AT, ELLA, JONAS, MINA, PRIYA, SECURITY, cases

CASES, case = cases()
ZIP, PDF, OCTETS = "application/zip", "application/pdf", "application/octet-stream"
RAR, SEVEN, ISO, HTML = "application/vnd.rar", "application/x-7z-compressed", "application/x-iso9660-image", "text/html"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
D, S = "dangerous", "suspicious"

# English: containers and what lies in them -------------------------------------------------------------------------

case("pdf-and-reader-in-zip", "en", D, "job description and a PDF reader in one ZIP, to be opened only with it",
     "a program comes with the document; 'only with the reader supplied'; names Airbus, is not from Airbus",
     sender=("Laura Hensley | Airbus Talent", "l.hensley@airbus-careers.example"), to=[PRIYA], mailer="outlook",
     subject="Senior UAV Engineer - job description",
     text="""Dear Priya,

It was nice talking to you. As promised I attach the job description for the Senior UAV Engineer position at Airbus.
The document is protected. Please open it only with the PDF reader that comes with it, other readers show an empty page.

Kind regards
Laura Hensley
Talent Acquisition
""", both=True,
     files=[("Airbus_Senior_UAV_Engineer.zip", ZIP, c.zipped([("Job Description.pdf", c.pdf()), ("SecurePDF Reader.exe", c.EXE)]))])

case("iso-putty-readme", "en", D, "skill test as ISO: an SSH client and a Readme with host, login and password",
     "a disk image with a program inside; a skill test for a job; names Amazon, is not from Amazon",
     sender=("Amazon HR - Daniel Frost", "daniel.frost@amazon-recruit.example"), to=[PRIYA], mailer="apple",
     subject="Your Amazon IT assessment",
     text="""Hi Priya,

thank you for your interest in the role. The next step is a short IT assessment. Mount the attached image, start the
PuTTY client inside and log in to the assessment server with the data in Readme.txt. You have 60 minutes.

Daniel
""",
     files=[("amazon_assessment.iso", ISO, c.iso([("PuTTY.exe", c.EXE), ("Readme.txt", b"Host: 192.0.2.80\r\nLogin: test\r\nPassword: test\r\n")], "ASSESSMENT"))])

case("zip-password-in-text", "en", D, "offer as encrypted ZIP, the password in the same mail",
     "encrypted archive with its password beside it holds a program; job offer; names Lockheed Martin, is not from it",
     sender=("Lockheed Martin Careers", "hr@lmco-careers.example"), to=[("", PRIYA[1])], mailer="php",
     subject="Confidential: offer and salary range",
     text="""Dear candidate,

please find your confidential offer with the salary range attached. For your protection the archive is encrypted.

Password: LM@2025

HR Department
Lockheed Martin
""",
     files=[("Offer_LM_2025.zip", ZIP, c.zip_with_password([("Offer_Letter.pdf", c.pdf()), ("Viewer.exe", c.EXE)], "LM@2025"))])

case("zip-password-elsewhere", "en", D, "encrypted ZIP, the password announced for WhatsApp",
     "encrypted archive nobody can check, password by another way; a move to WhatsApp; job offer in the name of Boeing",
     sender=("Boeing Global Recruitment", "recruitment@boelng-jobs.example"), to=[PRIYA], mailer="roundcube",
     subject="Flight controls lead - documents",
     text="""Hello Priya,

attached are the documents about the flight controls position. I will send you the password on WhatsApp, please add me:
https://wa.me/0000000000

Best
Martin Oakes, Boeing Recruitment
""",
     files=[("Position_documents.zip", ZIP, c.zip_with_aes([("Position.pdf", c.pdf()), ("PDFViewer.exe", c.EXE)]))])

case("rar-viewer", "en", D, "RAR with a job description and a viewer",
     "a program beside the document in the archive; job offer; private mailbox in the name of BAE Systems",
     sender=("BAE Systems Recruiting Team", "bae_systems_recruiting@gmail.com"), to=[PRIYA], mailer="gmail",
     subject="Opportunity at BAE Systems",
     text="""Hello,

I am a technical recruiter for BAE Systems. Your profile fits a position in our drone programme with an excellent salary.
Details are in the archive. Start JD_Viewer to read the description.

Regards, Peter Lund
""", both=True,
     files=[("JD_BAE.rar", RAR, c.rar([("JD_Viewer.exe", c.EXE), ("JD.dat", c.HARMLESS)]))])

case("seven-zip-quiz", "en", D, "coding quiz: two EXE in a 7z",
     "programs in an archive, called a quiz; names Meta, is not from Meta",
     sender=("Steve Dawning (Meta)", "steve.dawning@meta-talent.example"), to=[PRIYA], mailer="thunderbird",
     subject="Coding challenge for the C++ role",
     text="""Hi,

for the C++ role at Meta we ask all candidates to solve two short challenges. Run Quiz1.exe and Quiz2.exe, look at what
they print and write a C++ program that does the same. Please use a Windows PC.

Steve
""",
     files=[("Challenge.7z", SEVEN, c.seven_zip([("Quiz1.exe", c.EXE), ("Quiz2.exe", c.EXE)]))])

case("img-tightvnc", "en", D, "IMG with a VNC viewer for a remote assessment",
     "a disk image with a program; a skill test with a client supplied; names Northrop Grumman, is not from it",
     sender=("Northrop Grumman Talent Office", "talent@northropgrumman-hr.example"), to=[PRIYA], mailer="outlook",
     subject="Remote skill test on Thursday",
     text="""Dear Priya,

your remote skill test takes place on Thursday. Open the image and connect with the TightVNC viewer inside; address and
password are in README.TXT.

Talent Office
""", both=True,
     files=[("SkillTest.img", OCTETS, c.fat([("TVNVIEW.EXE", c.EXE), ("README.TXT", b"192.0.2.81 test test")]))])

case("vhd-salary", "en", D, "virtual disk with salary table and reader",
     "a virtual disk sent by mail with a program inside; salary and offer; names Raytheon, is not from it",
     sender=("Raytheon HR Services", "compensation@rtx-hr.example"), to=[PRIYA], mailer="php", auth="none",
     subject="Salary and benefits overview 2025",
     text="""Dear Ms Nair,

the salary and benefits overview for your offer is on the attached disk. Double click it, then open the table with the
reader on it.

Raytheon HR Services
""",
     files=[("Benefits2025.vhd", OCTETS, c.vhd([("SALARY.PDF", c.pdf()[:500]), ("READER.EXE", c.EXE)]))])

case("shortcut-in-zip", "en", D, "LNK dressed as a PDF in a ZIP",
     "the 'document' is a shortcut that starts a command",
     sender=("Karen Whitfield", "k.whitfield@gd-careers.example"), to=[PRIYA], mailer="exchange",
     subject="General Dynamics - position profile",
     text="""Priya,

here is the profile of the position at General Dynamics we spoke about on LinkedIn.

Karen
""", both=True,
     files=[("Position_Profile.zip", ZIP, c.zipped([("Position Profile.pdf.lnk", c.shortcut("Position Profile.pdf"))]))])

case("double-extension", "en", D, "Salary.pdf.exe in a ZIP",
     "a program that calls itself a PDF; offer with salary; reply goes elsewhere",
     sender=("HR Leonardo", "hr@leonardo-group-jobs.example"), reply_to=("HR", "hr_leonardo_desk@gmail.com"), to=[PRIYA],
     mailer="roundcube", subject="Your offer",
     text="""Dear Priya,

attached is our offer with the salary we agreed on. Please sign and return it this week.

HR Leonardo
""",
     files=[("Offer.zip", ZIP, c.zipped([("Salary_2025.pdf                                        .exe", c.EXE)]))])

case("one-dot-leader", "en", D, "ELF whose name ends in U+2024 and 'pdf'",
     "a Linux program that calls itself a PDF by a character that only looks like a dot; job offer named HSBC",
     sender=("HSBC People Team", "people@hsbc-offers.example"), to=[PRIYA], mailer="gmail",
     subject="HSBC job offer",
     text="Dear Priya,\n\nplease find the HSBC job offer attached. Unpack it on your Linux desktop and double click.\n\nPeople Team\n",
     both=True, files=[("HSBC job offer.pdf.zip", ZIP, c.zipped([("HSBC job offer\u2024pdf", c.ELF)]))])

case("right-to-left-override", "en", D, "attachment whose name is turned round by U+202E",
     "a program whose name is written backwards to look like a PDF",
     sender=("Thales Talent Scouts", "scout@thales-talents.example"), to=[PRIYA], mailer="thunderbird",
     subject="Job offer from Thales",
     text="Hello Priya,\n\nour job offer for the avionics team is attached.\n\nThales Talent Scouts\n",
     files=[("Thales_offer_\u202efdp.exe", OCTETS, c.EXE)])

case("shortcut-attached", "en", D, "LNK attached directly beside a harmless PDF",
     "a shortcut that starts a command, sent as a document",
     sender=("Nora Gill", "nora.gill@saab-recruiting.example"), to=[PRIYA], mailer="apple", auth="softfail",
     subject="Saab: description and questionnaire",
     text="Hi Priya,\n\nthe job description and the questionnaire for Saab. Please fill in the questionnaire by Friday.\n\nNora\n",
     files=[("Description.pdf", PDF, c.pdf()), ("Questionnaire.docx.lnk", OCTETS, c.shortcut("Questionnaire.docx"))])

# English: no container ---------------------------------------------------------------------------------------------

case("pdf-reader-by-link", "en", S, "PDF attached, the reader to open it by link",
     "'only with our reader', and the reader comes from the sender; names Airbus Helicopters, is not from it",
     sender=("Airbus Helicopters HR", "hr@airbus-helicopters-hr.example"), to=[PRIYA], mailer="bulk",
     subject="Job description (protected document)",
     text="""Dear Ms Nair,

the attached job description is a protected document. It can only be opened with our reader:
https://docs.airbus-helicopters-hr.example/reader/setup.exe

Please do not use another PDF program.
""",
     files=[("Job_Description_protected.pdf", PDF, c.pdf())])

case("drive-link", "en", S, "job description on Google Drive",
     "job offer in the name of Lockheed Martin from a private mailbox; the file lies on a cloud share",
     sender=("Lockheed Martin Talent", "lm_talent_desk@gmail.com"), to=[PRIYA], mailer="gmail",
     subject="Role at Skunk Works",
     text="""Hello Priya,

Lockheed Martin is looking for people with your background. Here is the job description with salary:
https://drive.google.com/file/d/HARMLESS-TEST-NO-SUCH-FILE/view?usp=sharing

Do not miss this chance!
Amy Lindt
""", both=True)

case("dropbox-password", "en", S, "archive on Dropbox, password in the mail",
     "archive with a password behind a cloud link; a program to start; job offer from a look-alike of Boeing",
     sender=("Boeing Talent Acquisition", "talent@boeing-hiring.example"), to=[PRIYA], mailer="outlook",
     subject="Interview package",
     text="""Dear Priya,

your interview package is here: https://www.dropbox.com/scl/fi/harmless-test-no-such-file/package.zip?dl=1
The password is Boeing-2025. Unpack it and start InterviewViewer to see the position and the salary.

Talent Acquisition
""", both=True)

case("shortener-html-only", "en", S, "HTML only; the link's words show boeing.com, its target a shortener",
     "the link shows boeing.com and goes elsewhere; job offer; sender is not Boeing",
     sender=("Boeing Careers", "no-reply@careers-mailing.example"), to=[PRIYA], mailer="bulk", code="base64",
     subject="You have been selected for an interview",
     html=page("""Dear Priya,

you have been selected for an interview for Principal Engineer, Unmanned Systems. Read the job description first:

https://www.boeing.com/careers/principal-engineer""", links=[("https://www.boeing.com/careers/principal-engineer", "https://bit.ly/harmless-test-no-such-link-1")]))

case("github-coding-test", "en", S, "take-home test in a repository, to be opened in VS Code",
     "strangers ask to run their source tree; job with high salary; hurry",
     sender=("Chris Vale", "chris.vale@orbit-ledger.example"), to=[ELLA], mailer="gmail",
     subject="Take-home assignment, Senior Full Stack (remote, 180k)",
     text="""Hey Ella,

great call! Next step is the take-home coding test. Clone https://github.com/no--such--owner/staking-dashboard, open the folder
in VS Code, trust the authors, run npm install and npm start and tell us what you would improve. Please finish within 2 hours.

Chris
CTO, Orbit Ledger
""", both=True)

case("npm-package-test", "en", S, "coding test that starts with installing an unknown npm package",
     "a stranger asks to install and start a package; job offer; Telegram",
     sender=("Talent @ Nimbus Chain", "jobs@nimbus-chain.example"), to=[ELLA], mailer="apple",
     subject="Skill assessment: please run before the interview",
     text="""Hi Ella,

before our interview please run the skill assessment on your machine: npm install @Harmless-Test/interview-kit && npx @Harmless-Test/interview-kit
Questions? I am on Telegram: https://t.me/0_no_such_name

Offer range is 150-200k USD.
Dana
""")

case("python-test-attached", "en", S, "Python coding test as ZIP of sources with password",
     "encrypted sources with the password beside them, to be run; job test in the name of Capital One",
     sender=("Capital One Hiring", "hiring@capitalone-tests.example"), to=[ELLA], mailer="php",
     subject="Python coding skills test",
     text="""Dear candidate,

attached is the Python coding skills test for Capital One. Password of the archive: test123
Build and run the project first, then find and fix the bug and send a screenshot within 15 minutes.
""",
     files=[("PythonCodingTest.zip", ZIP, c.zip_with_password([("test/README.md", b"# Test\nharmless placeholder\n"), ("test/main.py", b"# harmless placeholder\n")], "test123"))])

case("whatsapp-first-contact", "en", S, "first friendly mail: flattery, salary, WhatsApp",
     "stranger offers twice the salary in the name of Airbus from a private mailbox and wants WhatsApp and secrecy",
     sender=("Julia Sandberg", "julia_sandberg_hr@gmail.com"), to=[PRIYA], mailer="gmail",
     subject="Impressed by your work on UAVs",
     text="""Hi Priya,

I came across your profile and am impressed by your work on UAVs! I recruit for Airbus Defence and Space and have a position
with double your current salary. Can we continue on WhatsApp? It is easier there: https://wa.me/0000000001
Please do not mention it to your colleagues yet.

Julia
""")

case("telegram-consulting", "en", S, "paid expert talk, continued on Telegram",
     "stranger offers money for talk about the reader's work and leaves for Telegram",
     sender=("Marc Delorme", "marc.delorme@expert-insight.example"), to=[PRIYA], mailer="roundcube", auth="none",
     subject="Paid consultation about drone propulsion (500 USD/h)",
     text="""Dear Ms Nair,

our client, a leading aerospace company, pays 500 USD per hour for a talk with an expert in drone propulsion like you.
Please contact me on Telegram (https://t.me/0_no_such_name) from your private phone, then I send you the questionnaire.

Marc Delorme
""", both=True)

case("signal-private-mailbox", "en", S, "asks for the private address and Signal",
     "recruiter in the name of Rheinmetall wants to leave the work mailbox; replies go to another, private address",
     sender=("Rheinmetall Recruiting", "recruiting@rheinmetall-jobs.example"), reply_to=("Recruiting", "rm_recruiting_team@gmail.com"),
     to=[PRIYA], mailer="thunderbird", subject="Confidential career opportunity",
     text="""Dear Priya,

please do not use your company mailbox for this. Send me your private e-mail address or write to me on Signal, then I can
share the job description of Rheinmetall with you.

S. Kranz
""")

case("calendar-assessment", "en", S, "calendar invitation with a client to install",
     "an invitation from a stranger tells the reader to install his client before the interview; names Boeing",
     sender=("Boeing Interview Desk", "desk@boeing-interviews.example"), to=[PRIYA], mailer="exchange",
     subject="Interview: Boeing / Priya Nair",
     text="You are invited to an interview. Please install the interview client first: https://boeing-interviews.example/client/InterviewClient.msi\n",
     calendar=calendar("1a2b@boeing-interviews.example", "Interview: Boeing / Priya Nair", AT(2025, 6, 5, 13), 1,
                       ("Boeing Interview Desk", "desk@boeing-interviews.example"), PRIYA, "https://boeing-interviews.example/room/7",
                       "Skill test and interview. Please install the interview client first:\nhttps://boeing-interviews.example/client/InterviewClient.msi"))

case("html-smuggling", "en", D, "HTML attachment that hands out a ZIP from within itself",
     "the attached page carries a hidden file; job offer in the name of Dassault",
     sender=("Dassault Aviation RH", "rh@dassault-emploi.example"), to=[PRIYA], mailer="outlook", code="base64",
     subject="Offer letter",
     text="Dear Priya,\n\nopen the attached page to save your offer letter.\n\nDassault Aviation\n",
     files=[("Offer_letter.html", HTML, c.smuggling("Offer_letter.zip"))])

case("external-template", "en", D, "job description as DOCX with a template from the Internet",
     "the document fetches a template from a stranger's server; job offer; names Lockheed Martin",
     sender=("LM Career Center", "career@lockheed-career.example"), to=[PRIYA], mailer="exchange",
     subject="Senior Manager, Business Operations",
     text="Dear Priya,\n\nplease see the attached job description and enable editing to read it.\n\nLM Career Center\n", both=True,
     files=[("LM_Senior_Manager.docx", WORD, c.docx("harmless test", "http://template.example/x.dotm"))])

case("follow-up-reader", "en", D, "answer in a thread: the reader now comes by mail",
     "a program sent to open the earlier document, with urging; recruiter's private mailbox",
     sender=("Julia Sandberg", "julia_sandberg_hr@gmail.com"), to=[PRIYA], mailer="gmail", reply="<5e1c0001@kestrel-uav.example>",
     subject="Re: Re: Job description does not open",
     text="""Hi Priya,

no problem, this happens with the usual readers. Use the reader I attached (rename it to .exe) and open the job description with it. If your
company PC blocks it, take your private laptop. Did you tell anybody? Please keep it between us.

Julia

On Mon, 2 Jun 2025, Priya Nair wrote:
> the PDF of the Airbus position shows an empty page here.
""",
     files=[("MuPDF_Reader.ex_", OCTETS, c.EXE)])

case("nested-message", "en", D, "colleague forwards the lure as an attached message",
     "the message inside carries a program with a job description in the name of Airbus",
     sender=ELLA, to=[SECURITY], mailer="thunderbird", subject="Fwd: is this one real?",
     text="Hi,\n\nI got the attached mail. Is it real?\n\nElla\n",
     nested=("lure.eml", dict(sender=("Airbus Talent Team", "team@airbus-careers.example"), to=[ELLA], mailer="outlook",
             subject="Your dream job at Airbus", text="Dear Ella,\n\nyour dream job! Open the job description with the viewer in the archive.\n",
             files=[("JobDescription.zip", ZIP, c.zipped([("Job.pdf", c.pdf()), ("Viewer.exe", c.EXE)]))])))

case("patch-in-colleagues-name", "en", D, "case A7: patch to roll out, in the security manager's name, from a look-alike of our domain",
     "our security manager's name, but the domain is kestrei-uav, not kestrel-uav; a program to be rolled out at once",
     sender=(SECURITY[0], "t.brandt@kestrei-uav.example"), to=[JONAS], mailer="outlook", auth="none",
     subject="Urgent: security patch for all clients today",
     text="""Hi Jonas,

please roll out the attached security patch through the patch management to all clients today. No need for the usual approval,
I have tested it. I am in meetings, so answer by mail only.

Tobias
""", both=True,
     files=[("SecurityPatch_KB0000000.zip", ZIP, c.zipped([("Patch.exe", c.EXE), ("install.txt", b"harmless placeholder")]))])

case("patch-reply-elsewhere", "en", S, "case A7: a colleague's true address, but replies go to a stranger",
     "the reply goes to another domain than the colleague's; update without approval from a cloud link",
     sender=SECURITY, reply_to=(SECURITY[0], "tobias_brandt_it@gmail.com"), to=[JONAS], mailer="roundcube", auth="fail",
     reply="<77aa0002@kestrel-uav.example>", subject="Re: Patch window",
     text="""Jonas,

the new agent package is here: https://www.dropbox.com/scl/fi/harmless-test-no-such-file/agent.msi?dl=1
Please distribute it to all servers tonight without the second approval, it is urgent.

Tobias

> On Tuesday Jonas Albrecht wrote:
> > The patch window is tonight at 22:00.
""")

case("partner-look-alike", "en", D, "CAD viewer from a look-alike of a partner's domain",
     "rotorwerk-gmbh is not our partner's domain rotorwerk; 'open only with the viewer', which is a program",
     sender=("Rotorwerk Engineering", "office@rotorwerk-gmbh.example"), to=[JONAS], mailer="exchange",
     subject="Drawings for the new rotor and a position for you",
     text="""Hello Jonas,

attached are the drawings and, between us, the description of an open position in our team. Open both only with the viewer in the archive.

Rotorwerk Engineering
""",
     files=[("Rotor_drawings.zip", ZIP, c.zipped([("rotor.dat", c.HARMLESS), ("DrawingViewer.exe", c.EXE)]))])

# German ------------------------------------------------------------------------------------------------------------

case("de-stelle-mit-leser", "de", D, "Stellenbeschreibung und Leseprogramm im ZIP mit Passwort im Text",
     "verschlüsseltes Archiv, Passwort daneben, darin ein Programm; Stelle im Namen von Rheinmetall von fremder Domäne",
     sender=("Rheinmetall Karriere", "karriere@rheinmetall-karriere.example"), to=[JONAS], mailer="outlook", charset="iso-8859-1",
     subject="Stellenbeschreibung für Sie",
     text="""Sehr geehrter Herr Albrecht,

anbei die Stellenbeschreibung für die Position als Gruppenleiter Drohnenabwehr. Bitte öffnen Sie die Datei nur mit dem
beigefügten Leseprogramm. Passwort: Karriere25

Mit freundlichen Grüßen
Sabine Überall
""", both=True,
     files=[("Stellenbeschreibung.zip", ZIP, c.zip_with_password([("Stelle.pdf", c.pdf()), ("PDF-Leser.exe", c.EXE)], "Karriere25"))])

case("de-rar-verschluesselt", "de", D, "verschlüsseltes RAR mit Gehaltstabelle, Passwort über Telegram",
     "im Archiv liegt ein Programm, das Passwort kommt über Telegram; Angebot mit Gehalt; privates Postfach",
     sender=("Personalberatung Falk", "personalberatung_falk@gmail.com"), to=[JONAS], mailer="gmail", code="base64",
     subject="Ihr Angebot von Hensoldt",
     text="""Guten Tag Herr Albrecht,

im Auftrag von Hensoldt sende ich Ihnen das Angebot mit der Gehaltstabelle. Das Passwort schicke ich Ihnen über Telegram,
bitte melden Sie sich: https://t.me/0_no_such_name

D. Falk
""",
     files=[("Angebot_Gehalt.rar", RAR, c.rar([("Gehaltstabelle.exe", c.EXE), ("Angebot.pdf", c.pdf())], encrypted=True))])

case("de-vpn-client", "de", D, "Eignungstest mit VPN-Client und Anleitung",
     "ein VPN-Programm von einem Fremden für einen Eignungstest; Namen von Airbus, Domäne nicht",
     sender=("Airbus Bewerbermanagement", "test@airbus-bewerbung.example"), to=[JONAS], mailer="thunderbird", charset="iso-8859-1", code="8bit",
     subject="Einladung zum Eignungstest",
     text="""Sehr geehrter Herr Albrecht,

für den Eignungstest installieren Sie bitte den VPN-Client aus dem Archiv und melden sich mit den Zugangsdaten aus der
Liesmich-Datei an. Bitte nicht am Dienstrechner.

Ihr Bewerbermanagement
""",
     files=[("Eignungstest.zip", ZIP, c.zipped([("VPN-Client.msi", c.MSI), ("Liesmich.txt", b"Server 192.0.2.82\r\nBenutzer test\r\nKennwort test\r\n")]))])

case("de-iso-bewerbungstest", "de", D, "ISO mit doppelter Endung",
     "Abbild einer CD mit einem Programm, das sich PDF nennt; Stellenangebot im Namen von Diehl",
     sender=("Diehl Defence Personal", "personal@diehl-jobs.example"), to=[JONAS], mailer="php",
     subject="Unterlagen zur ausgeschriebenen Stelle",
     text="""Guten Tag,

die Unterlagen zur Stelle und zum Gehalt finden Sie im Anhang. Doppelklick genügt.

Diehl Defence, Personalabteilung
""",
     files=[("Unterlagen.iso", ISO, c.iso([("Stellenangebot.pdf.exe", c.EXE), ("Stellenangebot.pdf", c.pdf())], "UNTERLAGEN"))])

case("de-whatsapp", "de", S, "erster Kontakt: Lob, Gehalt, WhatsApp",
     "Fremde lobt, bietet viel Geld im Namen von Hensoldt und möchte auf WhatsApp weiterreden",
     sender=("Miriam Steinbach", "miriam_steinbach_hr@gmail.com"), to=[JONAS], mailer="gmail", code="base64",
     subject="Ihr Profil hat mich beeindruckt",
     text="""Hallo Herr Albrecht,

Ihr Profil hat mich sehr beeindruckt. Für Hensoldt suche ich einen Fachmann für Drohnen, das Gehalt liegt weit über dem Üblichen.
Wollen wir auf WhatsApp weiterschreiben? https://wa.me/0000000002 Bitte sagen Sie Ihrem Arbeitgeber noch nichts.

Viele Grüße
Miriam Steinbach
""", both=True)

case("de-cloud-link", "de", S, "Stellenbeschreibung auf OneDrive mit Passwort",
     "geschützte Datei auf einer Freigabe, Passwort im Text, Programm zum Öffnen; Namen von MBDA, Domäne nicht",
     sender=("MBDA Talentsuche", "talent@mbda-karriere.example"), to=[JONAS], mailer="roundcube",
     subject="Ihre Unterlagen",
     text="""Sehr geehrter Herr Albrecht,

die Stellenbeschreibung liegt hier bereit: https://1drv.ms/u/s!HARMLESS-TEST-NO-SUCH-FILE
Kennwort: Talent!1. Bitte öffnen Sie das Dokument ausschließlich mit dem mitgelieferten Betrachter.

MBDA Talentsuche
""")

case("de-gitlab-probeaufgabe", "de", S, "Probeaufgabe auf GitLab",
     "Fremder verlangt, seinen Quelltext auszuführen; Stelle mit hohem Gehalt; Eile",
     sender=("Jan Petersen", "j.petersen@fluglogik.example"), to=[ELLA], mailer="apple",
     subject="Programmieraufgabe vor dem Gespräch",
     text="""Hallo Ella,

bitte klone die Probeaufgabe https://gitlab.com/no--such--group/flight-planner und führe „npm install“ und „npm start“ aus,
bevor wir morgen sprechen. Das Gehalt liegt bei 140.000 Euro. Es dauert nur 30 Minuten.

Jan
""")

case("de-absender-marke", "de", S, "Anzeigename nennt Airbus, Antwort geht an ein privates Postfach",
     "Name und Domäne widersprechen sich, Antwort geht anderswohin; Gehalt; private Adresse verlangt",
     sender=("Airbus Personalabteilung <jobs@airbus.com>", "mailing@newsletter-server.example"), reply_to=("Personal", "airbus_personal_de@gmail.com"),
     to=[JONAS], mailer="php", auth="softfail", subject="Persönliches Angebot mit Gehaltsrahmen",
     text="""Guten Tag Herr Albrecht,

wir haben eine Stelle für Sie. Für den Gehaltsrahmen nennen Sie uns bitte Ihre private E-Mail-Adresse.

Airbus Personalabteilung
""")

case("de-vorlage-extern", "de", D, "DOCX mit Vorlage aus dem Netz, nur HTML im Text",
     "das Dokument lädt eine Vorlage von einem fremden Rechner; Bewerbung im Namen von Siemens",
     sender=("Siemens Energy Talent", "talent@siemens-energy-talent.example"), to=[JONAS], mailer="bulk", charset="iso-8859-1",
     subject="Stellenausschreibung Prüfingenieur",
     html=page("Sehr geehrter Herr Albrecht,\n\nim Anhang finden Sie die Stellenausschreibung. Zum Lesen bitte \"Bearbeitung aktivieren\" anklicken."),
     files=[("Stellenausschreibung.docx", WORD, c.docx("harmloser Test", "http://template.example/x.dotm"))])

case("de-nachfassen", "de", S, "Nachfassen im selben Faden: hat es sich öffnen lassen?",
     "Drängen, die Datei auf dem privaten Rechner zu öffnen und niemandem davon zu erzählen",
     sender=("Miriam Steinbach", "miriam_steinbach_hr@gmail.com"), to=[JONAS], mailer="gmail", code="base64",
     reply="<5e1c0003@kestrel-uav.example>", subject="AW: AW: Stellenbeschreibung",
     text="""Hallo Jonas,

hat sich die Stellenbeschreibung öffnen lassen? Bitte starte den mitgeschickten PDF-Betrachter, sonst geht es nicht. Wenn der
Virenschutz meldet, ist das ein Fehlalarm, nimm dann den privaten Laptop. Erzähl in der Firma noch nichts davon.

Miriam

Am 3. Juni schrieb Jonas Albrecht:
> ich komme heute nicht dazu.
""")

case("de-patch-kollege", "de", D, "Fall A7: Aktualisierung im Namen des Sicherheitsbeauftragten",
     "Name des Kollegen, aber fremde Domäne (kestrel-uav-it); Programm ohne Freigabe an alle verteilen; Passwort im Text",
     sender=(SECURITY[0], "t.brandt@kestrel-uav-it.example"), to=[JONAS], mailer="exchange",
     subject="Dringend: Sicherheitsupdate heute verteilen",
     text="""Hallo Jonas,

bitte das angehängte Update heute über die Softwareverteilung auf alle Rechner bringen, ohne Freigabe, ich habe es geprüft.
Kennwort: Update1

Tobias
""",
     files=[("Sicherheitsupdate.zip", ZIP, c.zip_with_password([("Update.exe", c.EXE)], "Update1"))])

case("de-umlautdomaene", "de", S, "Punycode: rheinmetåll statt rheinmetall",
     "die Domäne sieht nur aus wie Rheinmetall; Stelle, Gehalt und eine Datei hinter einem Kurzlink",
     sender=("Rheinmetall", "jobs@xn--rheinmetll-85a.example"), to=[JONAS], mailer="bulk",
     subject="Einladung zum Auswahlverfahren",
     text="""Sehr geehrter Herr Albrecht,

Sie sind im Auswahlverfahren. Stellenbeschreibung und Gehalt: https://tinyurl.com/harmless-test-no-such-link-2

Rheinmetall
""", both=True)

# Korean ------------------------------------------------------------------------------------------------------------

case("ko-jikmu-viewer", "ko", D, "직무기술서와 뷰어가 든 ZIP, 비밀번호는 본문에",
     "본문에 비밀번호가 있는 암호화 압축 파일 안에 프로그램; 한화에어로스페이스라 하지만 다른 도메인",
     sender=("한화에어로스페이스 채용팀", "recruit@hanwha-recruit.example"), to=[MINA], mailer="outlook", charset="euc-kr", code="base64",
     subject="직무기술서 송부드립니다",
     text="""서민아 님 안녕하세요.

말씀드린 무인기 개발 직무의 직무기술서를 보내드립니다. 보안 문서이므로 반드시 첨부된 뷰어로만 열어 주십시오.
압축 비밀번호: recruit25

한화에어로스페이스 채용팀 드림
""",
     files=[("직무기술서.zip", ZIP, c.zip_with_password([("job.pdf", c.pdf()), ("SecureViewer.exe", c.EXE)], "recruit25"))])

case("ko-iso-putty", "ko", D, "기술 평가용 ISO: PuTTY와 안내문",
     "프로그램이 든 디스크 이미지로 치르는 기술 시험; KAI라 하지만 다른 도메인",
     sender=("KAI 인사팀", "hr@kai-hr.example"), to=[MINA], mailer="naver", charset="utf-8", code="base64",
     subject="[KAI] 기술 역량 평가 안내",
     text="""안녕하세요, 서민아 님.

한국항공우주산업(KAI) 기술 역량 평가를 안내드립니다. 첨부한 이미지를 열고 PuTTY를 실행한 뒤 안내문의 서버에 접속해 주세요.
회사 컴퓨터 말고 개인 컴퓨터에서 진행해 주시기 바랍니다.
""",
     files=[("평가자료.iso", ISO, c.iso([("PuTTY.exe", c.EXE), ("안내문.txt", "서버 192.0.2.83 / test / test\r\n".encode())], "TEST"))])

case("ko-double-extension", "ko", D, "연봉제안서.hwp.exe",
     "한글 문서인 척하는 프로그램; 연봉 제안; 개인 메일",
     sender=("LIG넥스원 인사담당", "lignex1_hr_team@gmail.com"), to=[MINA], mailer="gmail", code="base64",
     subject="연봉 제안서 전달드립니다",
     text="서민아 님,\n\nLIG넥스원 입사 제안과 연봉 제안서를 첨부합니다. 확인 후 회신 부탁드립니다.\n",
     files=[("연봉제안서.zip", ZIP, c.zipped([("연봉제안서.hwp.exe", c.EXE)]))])

case("ko-telegram", "ko", S, "첫 연락: 칭찬, 높은 연봉, 텔레그램",
     "모르는 사람이 높은 연봉을 말하며 텔레그램으로 옮기자 하고 회사에 알리지 말라 함",
     sender=("박지원 헤드헌터", "jiwon_headhunter_park@gmail.com"), to=[MINA], mailer="naver", charset="euc-kr", code="base64",
     subject="좋은 이직 제안드립니다",
     text="""안녕하세요. 방산 분야 헤드헌터 박지원입니다.

프로필이 매우 인상적이어서 연락드립니다. 록히드마틴 코리아에서 현재 연봉의 두 배를 제시합니다.
자세한 내용은 텔레그램으로 이야기하시죠: https://t.me/0_no_such_name 회사에는 아직 말씀하지 말아 주세요.
""")

case("ko-drive-link", "ko", S, "구글 드라이브의 채용 자료와 비밀번호",
     "현대로템이라 하지만 다른 도메인; 비밀번호가 걸린 파일이 클라우드에 있고 전용 뷰어로만 열라고 함",
     sender=("현대로템 채용", "recruit@hyundai-rotem-job.example"), to=[MINA], mailer="bulk", charset="utf-8",
     subject="채용 제안 및 자료 안내",
     text="""서민아 님께,

채용 제안 자료입니다. https://drive.google.com/file/d/HARMLESS-TEST-NO-SUCH-FILE/view
비밀번호: 2025job. 파일은 함께 들어 있는 전용 뷰어로만 열립니다.
""", both=True)

case("ko-coding-test", "ko", S, "깃허브 코딩 테스트",
     "모르는 사람이 저장소를 받아 바로 실행하라고 재촉함; 높은 연봉",
     sender=("최도현", "dohyun.choi@blockbridge.example"), to=[MINA], mailer="apple",
     subject="코딩 테스트 과제 안내",
     text="""안녕하세요 민아 님,

1차 코딩 테스트입니다. https://github.com/no--such--owner/nft-market 저장소를 클론하고 VS Code로 연 다음 npm install, npm start 를 실행해 주세요.
연봉은 1억 5천만 원이고 오늘 안에 끝내 주셔야 합니다.

최도현
""")

case("ko-html-attachment", "ko", D, "첨부 HTML이 파일을 내려받게 함",
     "첨부된 웹 문서 안에 파일이 숨어 있음; 채용 제안",
     sender=("대한항공 항공우주 채용", "aero@koreanair-career.example"), to=[MINA], mailer="naver", charset="euc-kr", code="base64",
     subject="입사 제안서",
     html="<html><head><meta charset=\"euc-kr\"></head><body><p>서민아 님,</p><p>첨부 문서를 열어 입사 제안서를 저장해 주세요.</p></body></html>\n",
     files=[("입사제안서.html", HTML, c.smuggling("offer.zip"))])

case("ko-patch-mail", "ko", D, "사례 A7: 보안 담당자 이름의 패치 배포 요청",
     "동료의 이름이지만 회사 도메인이 아님(kestrel-uav.co); 승인 없이 모두에게 프로그램 배포",
     sender=("토비아스 브란트 (보안)", "t.brandt@kestrel-uav-sec.example"), to=[MINA], mailer="outlook", charset="euc-kr", code="base64", auth="none",
     subject="[긴급] 보안 패치 오늘 배포 바랍니다",
     text="""민아 님,

첨부한 보안 패치를 패치관리시스템으로 오늘 전 직원에게 배포해 주세요. 승인 절차는 생략해도 됩니다. 회의 중이라 전화는 어렵습니다.

토비아스 브란트
""",
     files=[("patch.zip", ZIP, c.zipped([("SecurityPatch.exe", c.EXE)]))])

case("ko-follow-up-7z", "ko", D, "이어진 대화: 이름까지 숨긴 7z, 비밀번호는 시그널로",
     "열어 볼 수 없는 암호 압축 파일, 비밀번호는 다른 경로; 채용 자료; 뷰어를 쓰라고 함",
     sender=("에어버스 코리아 인재팀", "talent@airbus-kr.example"), to=[MINA], mailer="thunderbird", charset="utf-8", code="base64",
     reply="<5e1c0004@kestrel-uav.example>", subject="Re: 에어버스 포지션 관련",
     text="""민아 님,

에어버스 포지션의 직무 설명과 뷰어를 다시 보내드립니다. 비밀번호는 시그널로 보내드릴게요. 반드시 동봉된 뷰어로 열어 주세요.

> 파일이 열리지 않습니다.
""",
     files=[("position.7z", SEVEN, c.seven_zip_names_hidden())])
