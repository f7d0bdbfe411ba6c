"""Honest mails that resemble the lures: a tool that cries wolf here is switched off within a week.

A verdict of "nothing found or suspicious" means that a careful colleague might ask as well; the reason says why.
"""

import containers as c
from mime import Mail, calendar, page
from world import AT, ELLA, HR, JOBS, JONAS, MINA, PRIYA, SECURITY, cases

CASES, case = cases()
ZIP, PDF, HTML = "application/zip", "application/pdf", "text/html"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
N, MAYBE = "nothing found", "nothing found or suspicious"
DOTM = r"file:///C:\Program%20Files\Microsoft%20Office\Templates\1033\Resume.dotx"

# English: jobs, both ways -------------------------------------------------------------------------------------------

case("agency-with-pdf", "en", N, "recruitment agency: own domain's job page and a PDF",
     "no program, no archive, no hurry, one domain throughout; a client is named openly",
     sender=("Hannah Doyle", "hannah.doyle@northbridge-talent.example"), to=[PRIYA], mailer="outlook",
     subject="Senior UAV Engineer with Airbus Helicopters - would you like to talk?",
     text="""Hi Priya,

our client Airbus Helicopters is looking for a Senior UAV Engineer. The job description is attached and on our site:
https://www.northbridge-talent.example/jobs/48213 (salary range 75,000 to 90,000).

If you like to know more, call the office on 020 7946 0112. If not, I will not write again.

Hannah Doyle
Northbridge Talent Ltd
""", both=True, files=[("Senior_UAV_Engineer.pdf", PDF, c.pdf())])

case("company-hr-job-ad", "en", N, "HR of another firm with its own job advertisement",
     "sender, link and text belong together; only a PDF",
     auth="none", sender=("Halvorsen Composites HR", "hr@halvorsen-composites.example"), to=[PRIYA], mailer="exchange",
     subject="Our open position: composite design lead",
     text="""Dear Priya,

we met at the fair. The job advertisement for the composite design lead is attached, the form for applications is here:
https://jobs.halvorsen-composites.example/design-lead

Best regards
Ingrid Halvorsen, HR
""", both=True, files=[("Job_advertisement.pdf", PDF, c.pdf())])

case("application-cv-pdf", "en", N, "application to us from a private mailbox, CV as PDF",
     "an applicant writes from a private address and sends PDFs",
     sender=("Owen Marsh", "owen_marsh_engineer@gmail.com"), to=[JOBS], mailer="gmail",
     subject="Application: flight test engineer (ref. 2025-14)",
     text="""Dear hiring team,

please find attached my CV and cover letter for the flight test engineer position. My salary expectation is 68,000 GBP, my notice
period three months.

Kind regards
Owen Marsh
""", both=True, files=[("CV_Owen_Marsh.pdf", PDF, c.pdf()), ("Cover_letter.pdf", PDF, c.pdf())])

case("application-zip", "en", N, "application with a plain ZIP of PDFs",
     "the archive is open and holds only documents",
     sender=("Aisha Rahman", "0aisha.rahman@outlook.com"), to=[JOBS], mailer="outlook",
     subject="Application as avionics engineer, with certificates",
     text="Dear Sir or Madam,\n\nmy application with CV and certificates is in the ZIP file.\n\nKind regards\nAisha Rahman\n",
     both=True, files=[("Application_Rahman.zip", ZIP, c.zipped([("CV.pdf", c.pdf()), ("Certificates/MSc.pdf", c.pdf()), ("Photo.png", c.PNG)]))])

case("application-docx-local-template", "en", N, "CV as DOCX made from Word's own template",
     "the template lies on the writer's own disk, as Word notes it for every document",
     auth="none", sender=("Tomas Reyl", "tomas.reyl@reyl-family.example"), to=[JOBS], mailer="thunderbird",
     subject="CV for your database", text="Hello,\n\nplease keep my CV on file for positions in composite repair.\n\nTomas Reyl\n",
     files=[("CV_Reyl.docx", WORD, c.docx("CV, harmless test", DOTM))])

case("portal-acknowledgement", "en", N, "a brand's own system confirms an application",
     "Airbus named, and the sender is Airbus's own domain",
     sender=("Airbus Careers", "noreply@airbus.com"), to=[ELLA], mailer="service",
     subject="Thank you for your application",
     text="""Dear Ella,

thank you for applying for Software Engineer (JR00000000). You can follow your application at https://www.airbus.com/en/careers
Please do not reply to this message.

Airbus Talent Acquisition
""", both=True)

case("portal-digest", "en", N, "LinkedIn job digest", "LinkedIn's own domain, many brands named in a list",
     sender=("LinkedIn Job Alerts", "jobalerts-noreply@linkedin.com"), to=[PRIYA], mailer="bulk",
     subject="UAV engineer: 12 new jobs", headers=["List-Unsubscribe: <https://www.linkedin.com/e/v2/none>"],
     text="""Your job alert for UAV engineer

Airbus - Flight Control Engineer, Bristol
BAE Systems - Senior Systems Engineer, Warton
Lockheed Martin UK - Software Engineer, Ampthill
See all jobs: https://www.linkedin.com/jobs/search/?keywords=uav
""", html=page("""Your job alert for UAV engineer

Flight Control Engineer
Airbus, Bristol

Senior Systems Engineer
BAE Systems, Warton

Software Engineer
Lockheed Martin UK, Ampthill""", links=[("Flight Control Engineer", "https://www.linkedin.com/comm/jobs/view/0?trk=eml"), ("Senior Systems Engineer", "https://www.linkedin.com/comm/jobs/view/1?trk=eml")]))

case("linkedin-message", "en", N, "LinkedIn passes on a recruiter's message",
     "sent by LinkedIn itself; a talk is offered, nothing to open",
     sender=("Hannah Doyle via LinkedIn", "inmail-hit-reply@linkedin.com"), to=[PRIYA], mailer="service",
     subject="Hannah sent you a message: UAV roles",
     text="""Hannah Doyle, Recruiter at Northbridge Talent

Hi Priya, I came across your profile and think you could fit two roles I have open. Would you be free for a call next week?

Reply: https://www.linkedin.com/messaging/thread/none
""", both=True)

case("interview-teams", "en", N, "invitation to an interview by Teams, with calendar",
     "Microsoft's own meeting address, nothing to install, sender's own domain",
     sender=("Ingrid Halvorsen", "i.halvorsen@halvorsen-composites.example"), to=[ELLA], mailer="exchange",
     subject="Interview for the software position",
     text="Dear Ella,\n\nwe are pleased to invite you to an interview. Join on your computer: https://teams.microsoft.com/l/meetup-join/none\nMeeting ID: 000 000 000 Passcode: abc123\n",
     calendar=calendar("77c1@halvorsen-composites.example", "Interview for the software position", AT(2025, 5, 20, 9), 1,
                       ("Ingrid Halvorsen", "i.halvorsen@halvorsen-composites.example"), ELLA, "Microsoft Teams Meeting",
                       "Join: https://teams.microsoft.com/l/meetup-join/none\nPasscode: abc123"))

case("coding-test-platform", "en", N, "coding test on HackerRank",
     "the test runs in the browser on the platform's own site and comes from its own domain",
     sender=("HackerRank Team", "support@hackerrankforwork.com"), reply_to=("Halvorsen HR", "hr@halvorsen-composites.example"), to=[ELLA],
     mailer="service", subject="Halvorsen Composites invites you to a coding test",
     text="""Hello Ella,

Halvorsen Composites has invited you to the test "Embedded C++". You have 90 minutes. You will not need to install anything.
Start: https://www.hackerrank.com/test/none
""", both=True)

case("rejection", "en", N, "a friendly refusal", "no link, no file",
     sender=("Northbridge Talent", "applications@northbridge-talent.example"), to=[ELLA], mailer="bulk",
     subject="Your application", text="Dear Ella,\n\nthank you for your time and the skill test. The position has been filled. We wish you all the best.\n\nNorthbridge Talent\n")

case("offer-docusign", "en", N, "job offer to sign at DocuSign", "DocuSign's own domain and link; the offer was asked for",
     sender=("Ingrid Halvorsen via Docusign", "dse_NA4@docusign.net"), reply_to=("Ingrid Halvorsen", "i.halvorsen@halvorsen-composites.example"), to=[ELLA], mailer="service",
     subject="Complete with Docusign: Offer letter and salary annex",
     html=page("""Ingrid Halvorsen sent you a document to review and sign.

REVIEW DOCUMENT

Dear Ella, we are delighted to make you this offer. Please sign until Friday.""", links=[("REVIEW DOCUMENT", "https://na4.docusign.net/Signing/EmailStart.aspx?a=none")]))

case("recruiter-whatsapp", "en", MAYBE, "honest agency offers WhatsApp as one of several ways",
     "a recruiter suggests WhatsApp for the documents, which is also how the campaign goes on; own domain, telephone and office are given",
     sender=("Liam Cartwright", "liam@cartwright-search.example"), to=[PRIYA], mailer="apple",
     subject="Two UAV roles",
     text="""Hi Priya,

I have two UAV roles with better salary than most. Happy to talk by phone (020 7946 0155), in our office or on WhatsApp, as you like:
https://wa.me/0000000003. Details: https://www.cartwright-search.example/roles/uav

Liam
""")

case("internship-question", "en", N, "university asks for an internship", "a plain question",
     sender=("Dr Edith Crane", "e.crane@eastmoor-university.example"), to=[HR], mailer="roundcube",
     subject="Internships in your composites lab", text="Dear colleagues,\n\ntwo of my students are looking for internships. May I send you their CVs?\n\nEdith Crane\n")

case("freelancer-portfolio", "en", N, "freelancer with a portfolio on Google Drive",
     "offers work to us; a cloud link alone is common",
     auth="own", envelope="bea=kestrel@bounce.webhoster.example", sender=("Bea Lindqvist", "bea@lindqvist-visuals.example"), to=[JONAS], mailer="gmail",
     subject="Product renderings for your brochure",
     text="Hello,\n\nI make renderings for aerospace firms. My portfolio: https://drive.google.com/drive/folders/NO-SUCH-FOLDER\nPrices on request.\n\nBea Lindqvist\n", both=True)

case("forwarded-recruiter", "en", N, "colleague forwards an honest recruiter's mail as an attached message",
     "the message inside has one domain and one PDF",
     sender=ELLA, to=[HR], mailer="thunderbird", subject="Fwd: they are hunting in our team again", text="FYI, quite harmless I think.\n\nElla\n",
     nested=("message.eml", dict(sender=("Hannah Doyle", "hannah.doyle@northbridge-talent.example"), to=[ELLA], mailer="outlook",
             subject="C++ role with a drone maker", text="Hi Ella,\n\nthe job description is attached. Salary 70-80k. Call me?\n\nHannah\n",
             files=[("Job_description.pdf", PDF, c.pdf())])))

case("thread-with-recruiter", "en", N, "an answer in a thread about an interview date", "nothing to open; the thread's own domain",
     auth="fail", sender=("Hannah Doyle", "hannah.doyle@northbridge-talent.example"), to=[PRIYA], mailer="outlook", reply="<5e1c0101@kestrel-uav.example>",
     subject="RE: Senior UAV Engineer", text="""Great, Priya, Tuesday at ten then. Please bring your CV.

Hannah

From: Priya Nair
> I had a look at the job description. Tuesday would suit me.
""", both=True)

# English: files, shares, software ------------------------------------------------------------------------------------

case("onedrive-share", "en", N, "OneDrive notice of a partner's share", "Microsoft's own sender and link; the partner is known",
     sender=("Ingrid Halvorsen", "no-reply@sharepointonline.com"), to=[JONAS], mailer="service",
     subject="Ingrid Halvorsen shared \"Wing spar drawings\" with you",
     html=page("""Ingrid Halvorsen shared a folder with you

Here are the drawings for the meeting.

Open""", links=[("Open", "https://halvorsen-my.sharepoint.com/:f:/g/personal/none")]))

case("dropbox-share", "en", N, "Dropbox notice", "Dropbox's own sender and link",
     sender=("Dropbox", "no-reply@dropbox.com"), to=[JONAS], mailer="service", subject="Kenji Aoki shared \"Test flight video.mp4\" with you",
     text="Kenji Aoki invited you to view the file \"Test flight video.mp4\" on Dropbox.\n\nhttps://www.dropbox.com/l/scl/none\n", both=True)

case("vendor-release", "en", N, "software vendor announces a version on its own site", "link and sender are the vendor's; nothing attached",
     sender=("Aerosolve Support", "support@aerosolve.example"), to=[JONAS], mailer="bulk", headers=["List-Unsubscribe: <https://www.aerosolve.example/unsubscribe>"],
     subject="Aerosolve 11.3 is available", text="""Dear customer,

Aerosolve 11.3 is available in your customer area: https://www.aerosolve.example/downloads
SHA-256 sums and signatures are beside the installers. Read the release notes before you update.
""", both=True)

case("vendor-installer-zip", "en", MAYBE, "vendor's support sends a hotfix installer in a ZIP that was asked for",
     "a program in an archive by mail is poor practice and worth a question, though the vendor is known and answers our ticket",
     sender=("Aerosolve Support", "support@aerosolve.example"), to=[JONAS], mailer="exchange", reply="<ticket-4471@kestrel-uav.example>",
     subject="RE: [#4471] crash in mesh export", text="""Hello Jonas,

as agreed the hotfix for your ticket. Its SHA-256 is in the ticket in the customer area; please compare before you install.

Aerosolve Support

> Could you mail us the hotfix? The download does not work from our network.
""", files=[("Aerosolve_hotfix_4471.zip", ZIP, c.zipped([("hotfix.exe", c.EXE), ("readme.txt", b"harmless placeholder")]))])

case("it-vpn-client", "en", N, "our IT announces a new VPN client in the software centre", "own domain, own portal, nothing attached",
     sender=("Kestrel IT", "it@kestrel-uav.example"), to=[("All staff", "staff@kestrel-uav.example")], mailer="exchange",
     subject="New VPN client from Monday", text="""Hello everybody,

the new VPN client is installed by itself on Monday. At home: https://portal.kestrel-uav.example/software/vpn
Log in as usual with your second factor. We never send programs or passwords by mail.

Kestrel IT
""", both=True)

case("it-pdf-reader", "en", N, "our IT replaces the PDF reader", "own domain; names a reader, but nothing is sent",
     sender=("Kestrel IT", "it@kestrel-uav.example"), to=[("All staff", "staff@kestrel-uav.example")], mailer="exchange",
     subject="Please use only the new PDF reader", text="""Hello,

from 1 June PDF documents open only with the new reader, which the software centre installs. You need not do anything.

Kestrel IT
""")

case("admin-linux-iso", "en", N, "administrator sends the link of a Linux image", "the distribution's own site, checksum named, colleague's own domain",
     sender=JONAS, to=[ELLA], mailer="thunderbird", subject="ISO for the test bench",
     text="""Hi Ella,

take this one: https://cdimage.debian.org/debian-cd/current/amd64/iso-cd/debian-13.1.0-amd64-netinst.iso
Check SHA512SUMS, then write it to the stick. PuTTY and the VNC viewer are in the software centre.

Jonas
""")

case("admin-ssh-account", "en", N, "administrator announces a new test server", "colleague, own host, key instead of password",
     sender=JONAS, to=[ELLA], mailer="thunderbird", subject="Your account on bench3",
     text="Hi Ella,\n\nyour login on bench3.kestrel-uav.example is ready, with your usual SSH key. PuTTY works too.\n\nJonas\n")

case("colleague-patch", "en", N, "colleague sends a patch as text", "a text file of changed lines, a colleague's true address",
     auth="absent", sender=ELLA, to=[JONAS], mailer="thunderbird", subject="[PATCH] planner: clamp bank angle",
     text="Fixes the crash in the simulator. Please review and apply before the release.\n",
     files=[("0001-clamp-bank-angle.patch", "text/x-patch", b"--- a/planner.c\n+++ b/planner.c\n@@ -1 +1 @@\n-harmless\n+placeholder\n")])

case("colleague-source-zip", "en", N, "colleague sends a source tree as ZIP", "text files only, a colleague's true address",
     sender=ELLA, to=[JONAS], mailer="apple", subject="telemetry parser, as discussed", text="Here it is. Run make test.\n\nElla\n",
     files=[("telemetry.zip", ZIP, c.zipped([("telemetry/Makefile", b"test:\n\techo harmless\n"), ("telemetry/README.md", b"# telemetry\n"), ("telemetry/parser.h", b"/* harmless */\n")]))])

case("github-invitation", "en", N, "GitHub invites to a partner's repository", "GitHub's own sender and link",
     sender=("GitHub", "noreply@github.com"), to=[ELLA], mailer="service", subject="halvorsen invited you to halvorsen/spar-model",
     text="You have been invited to collaborate on the halvorsen/spar-model repository.\n\nhttps://github.com/no--such--owner/spar-model/invitations\n", both=True)

case("npm-publish", "en", N, "npm confirms a publication", "npm's own sender; our own package",
     sender=("npm", "support@npmjs.com"), to=[ELLA], mailer="service", subject="Successfully published @Kestrel-Test/units@1.4.0",
     text="Hi ethorne!\n\nA new version of the package @Kestrel-Test/units (1.4.0) was published. If this was not you: https://www.npmjs.com/support\n")

case("security-training", "en", N, "our security manager explains the campaign to staff", "own domain and true address; it warns, and has nothing to open",
     sender=SECURITY, to=[("All staff", "staff@kestrel-uav.example")], mailer="exchange", subject="Beware of false recruiters",
     text="""Dear all,

false recruiters write in the name of Airbus, Boeing or Lockheed Martin: first praise and a high salary, then WhatsApp or Telegram, then
a job description in a ZIP with a password, to be opened only with a reader they send, or a skill test as ISO with PuTTY.
Such a mail? Do not open it, tell us; nobody gets into trouble.

Tobias Brandt
""", both=True)

case("patch-window", "en", N, "our IT's monthly patch notice", "own domain, approved, nothing attached",
     sender=SECURITY, to=[JONAS], mailer="exchange", cc=[ELLA], subject="Patch window on Tuesday: approved packages",
     text="Hi Jonas,\n\nthe security patches for Tuesday are approved by Ella and me in the patch management (change 2025-118). Roll out from 20:00.\n\nTobias\n")

case("itinerary-html", "en", N, "travel agency's itinerary as HTML attachment", "the page shows text and has nothing to save or run",
     sender=("Bluewing Travel", "booking@bluewing-travel.example"), to=[PRIYA], mailer="service", subject="Your itinerary London - Seoul",
     text="Dear Ms Nair,\n\nyour itinerary is attached.\n\nBluewing Travel\n",
     files=[("itinerary.html", HTML, b"<!DOCTYPE html><html><body><h1>Itinerary</h1><table><tr><td>LHR</td><td>ICN</td></tr></table></body></html>")])

case("conference-invitation", "en", N, "invitation to a conference with speakers of known firms", "brands are named as speakers; own domain; no file",
     sender=("Uncrewed Europe 2025", "info@uncrewed-europe.example"), to=[PRIYA], mailer="bulk", headers=["List-Unsubscribe: <mailto:leave@uncrewed-europe.example>"],
     subject="Join speakers from Airbus, BAE Systems and Leonardo in Toulouse",
     text="Dear Priya Nair,\n\nUncrewed Europe takes place in October. Speakers from Airbus, BAE Systems and Leonardo. Career fair included.\nRegister: https://www.uncrewed-europe.example/register\n", both=True)

case("call-for-papers", "en", N, "call for papers", "a scientific society's own domain, text only",
     auth="none", sender=("IWUS Programme Committee", "chairs@iwus-workshop.example"), to=[ELLA], mailer="roundcube", subject="[CfP] International Workshop on Uncrewed Systems",
     text="Call for papers\n\nTopics: flight control, swarm planning, propulsion. Submission until 30 June: https://submit.iwus-workshop.example\nA paid student position is open as well.\n")

case("branch-newsletter", "en", N, "newsletter of the branch", "brands named as news; links to the sender's own domain",
     envelope="bounce-5512@t.droneweekly.example", sender=("Drone Weekly", "news@droneweekly.example"), to=[PRIYA], mailer="bulk", code="base64",
     subject="Boeing's new order, Rheinmetall's results, ten jobs of the week", headers=["List-Unsubscribe: <https://t.droneweekly.example/u/1>"],
     html=page("""Boeing books a new order

Rheinmetall presents results

Ten jobs of the week""", links=[("Boeing books a new order", "https://t.droneweekly.example/c/1"), ("Rheinmetall presents results", "https://t.droneweekly.example/c/2"), ("Ten jobs of the week", "https://t.droneweekly.example/c/3")]))

case("similar-firm-name", "en", N, "a hotel whose name shares a word with ours", "another firm of a common name: kestrel is a bird; an ordinary booking",
     sender=("The Kestrel Inn", "stay@kestrel-inn.example"), to=[PRIYA], mailer="service", subject="Your booking for 14 May",
     text="Dear Ms Nair,\n\nyour room for 14 May is booked. Directions: https://www.kestrel-inn.example/directions\n\nThe Kestrel Inn\n", both=True)

# German ------------------------------------------------------------------------------------------------------------

case("de-personalberatung", "de", N, "Personalberatung mit eigener Stellenseite und PDF", "eigene Domäne durchgehend, nur ein PDF, Telefonnummer",
     auth="none", sender=("Claudia Merz", "merz@merz-personalberatung.example"), to=[JONAS], mailer="outlook", charset="iso-8859-1",
     subject="Gruppenleitung IT in der Luftfahrt",
     text="""Guten Tag Herr Albrecht,

für einen Mandanten aus der Luftfahrt suche ich eine Gruppenleitung IT. Die Stellenbeschreibung liegt bei und steht hier:
https://www.merz-personalberatung.example/stellen/1188. Gehaltsrahmen 85.000 bis 95.000 Euro.

Telefon 030 23125 014
Mit freundlichen Grüßen
Claudia Merz
""", both=True, files=[("Stellenbeschreibung.pdf", PDF, c.pdf())])

case("de-bewerbung", "de", N, "Bewerbung an uns mit Lebenslauf und Zeugnissen", "private Adresse, aber nur PDF",
     sender=("Lena Ostermann", "lena_ostermann_bewerbung@gmail.com"), to=[JOBS], mailer="gmail", code="base64", subject="Bewerbung als Systemingenieurin",
     text="Sehr geehrte Damen und Herren,\n\nanbei meine Bewerbungsunterlagen. Meine Gehaltsvorstellung liegt bei 64.000 Euro.\n\nMit freundlichen Grüßen\nLena Ostermann\n",
     files=[("Lebenslauf_Ostermann.pdf", PDF, c.pdf()), ("Zeugnisse.pdf", PDF, c.pdf())])

case("de-steuerberater", "de", MAYBE, "Steuerbüro: verschlüsseltes ZIP, Passwort wie telefonisch besprochen",
     "ein verschlüsseltes Archiv, das niemand prüfen kann; Rückfrage ist vertretbar, doch Absender und Anlass sind bekannt und es enthält nur PDF",
     sender=("Steuerkanzlei Hollmann", "lohn@kanzlei-hollmann.example"), to=[HR], mailer="outlook", charset="iso-8859-1", subject="Lohnauswertungen Mai",
     text="Guten Tag,\n\nanbei die Lohnauswertungen für Mai. Das Passwort haben wir telefonisch vereinbart.\n\nSteuerkanzlei Hollmann\n",
     files=[("Lohn_2025_05.zip", ZIP, c.zip_with_password([("Lohnjournal_05.pdf", c.pdf()), ("Buchungsbeleg_05.pdf", c.pdf())], "nicht-im-Text"))])

case("de-lohnabrechnung", "de", N, "Lohnabrechnung als geschütztes PDF", "geschütztes PDF vom Lohnbüro, Kennwort liegt im Portal",
     sender=("Lohnservice Nord", "versand@lohnservice-nord.example"), to=[JONAS], mailer="service", subject="Ihre Gehaltsabrechnung Juni 2025",
     text="Sehr geehrter Herr Albrecht,\n\nIhre Gehaltsabrechnung liegt bei. Das Kennwort finden Sie im Mitarbeiterportal.\n",
     files=[("Abrechnung_2025_06.pdf", PDF, c.encrypted_pdf())])

case("de-wetransfer", "de", N, "WeTransfer-Nachricht eines Partners", "Absender und Link gehören WeTransfer; Partner ist bekannt",
     sender=("WeTransfer", "noreply@wetransfer.com"), reply_to=("", "werkstatt@rotorwerk.example"), to=[JONAS], mailer="service",
     subject="werkstatt@rotorwerk.example hat dir „Rotor_STEP_Daten.zip“ geschickt", code="base64",
     text="werkstatt@rotorwerk.example\nhat dir 1 Datei geschickt, 48 MB, gültig bis 12. Juni\n\nDateien abrufen: https://wetransfer.com/downloads/none\n", both=True)

case("de-partner-archiv", "de", N, "Partner schickt 7z mit Zeichnungen", "offenes Archiv, nur Zeichnungen, bekannte Domäne",
     sender=("Rotorwerk Konstruktion", "konstruktion@rotorwerk.example"), to=[JONAS], mailer="exchange", subject="Zeichnungen Rotorkopf Rev. C",
     text="Hallo Jonas,\n\nanbei die Zeichnungen Revision C, wie besprochen.\n\nGruß\nUwe\n", both=True,
     files=[("Rotorkopf_RevC.7z", "application/x-7z-compressed", c.seven_zip([("rotorkopf.dxf", b"0\r\nEOF\r\n"), ("liste.txt", b"harmlos")]))])

case("de-stellenportal", "de", N, "Stellenportal mit Vorschlägen", "viele Marken in einer Liste, eigene Domäne des Portals",
     sender=("Flugjobs24", "suchagent@flugjobs24.example"), to=[JONAS], mailer="bulk", subject="9 neue Stellen: Drohnen, Avionik",
     headers=["List-Unsubscribe: <https://www.flugjobs24.example/abmelden>"],
     text="Ihr Suchagent\n\nHensoldt, Ulm: Systemingenieur Radar\nDiehl Defence, Überlingen: Prüfingenieur\nAirbus, Manching: Testingenieur\n\nhttps://www.flugjobs24.example/suche?q=drohne\n", both=True)

case("de-einladung-gespraech", "de", N, "Einladung zum Vorstellungsgespräch per Zoom", "Zoom-Link im Browser, eigene Domäne des Arbeitgebers",
     sender=("Rotorwerk Personal", "personal@rotorwerk.example"), to=[ELLA], mailer="thunderbird", charset="iso-8859-1", code="8bit",
     subject="Einladung zum Vorstellungsgespräch",
     text="Guten Tag Frau Thorne,\n\nwir laden Sie am 17. Juni um 10 Uhr zum Gespräch ein: https://us02web.zoom.us/j/00000000000 (Kenncode 123456).\n\nFreundliche Grüße\nRotorwerk, Personal\n")

case("de-probearbeit", "de", N, "Arbeitsprobe eines bekannten Arbeitgebers als PDF", "eine Aufgabe zum Lesen, kein Programm, eigene Domäne",
     sender=("Rotorwerk Personal", "personal@rotorwerk.example"), to=[ELLA], mailer="outlook", subject="Arbeitsprobe zum Gespräch",
     text="Guten Tag Frau Thorne,\n\nzum Gespräch bitten wir um eine kleine Arbeitsprobe. Die Aufgabe liegt als PDF bei, Lösung gern auf Papier.\n\nRotorwerk, Personal\n",
     files=[("Aufgabe.pdf", PDF, c.pdf())])

case("de-kollege-signal", "de", N, "Kollege möchte sich über Signal verabreden", "ein Kollege, die eigene Domäne, kein Angebot",
     sender=JONAS, to=[SECURITY], mailer="apple", subject="Grillen am Freitag",
     text="Moin Tobias,\n\nwegen Freitag: lass uns auf Signal weiterschreiben, da ist auch die Gruppe. Bringst du Salat mit?\n\nJonas\n")

case("de-fernwartung", "de", N, "Hersteller kündigt Fernwartung an", "bekannter Vorgang, Herstellerseite, Termin, nichts angehängt",
     sender=("Prüfstand Service", "service@pruefstand-technik.example"), to=[JONAS], mailer="exchange", subject="Fernwartung am Mittwoch, Vorgang 7781",
     text="Guten Tag Herr Albrecht,\n\nfür die Fernwartung am Mittwoch starten Sie bitte TeamViewer von unserer Seite: https://www.pruefstand-technik.example/fernwartung\nUnser Techniker ruft Sie vorher an.\n", both=True)

case("de-umfrage", "de", N, "Umfrage eines Kunden", "Umfrage auf eigener Domäne, Gutschein, keine Datei",
     auth="own", envelope="b-771@versand.mailings.example", sender=("Hafenlogistik Kühn", "umfrage@kuehn-logistik.example"), to=[JONAS], mailer="bulk", subject="Ihre Meinung ist uns wichtig",
     text="Sehr geehrter Herr Albrecht,\n\nwie zufrieden waren Sie? Fünf Fragen: https://umfrage.kuehn-logistik.example/5\nUnter allen verlosen wir zehn Gutscheine.\n", both=True)

# Korean ------------------------------------------------------------------------------------------------------------

case("ko-headhunter-pdf", "ko", N, "헤드헌팅 회사의 제안, 자사 채용 페이지와 PDF", "도메인이 하나로 일치하고 PDF뿐이며 사무실 전화가 있음",
     auth="none", sender=("정하늘", "haneul.jung@barun-search.example"), to=[MINA], mailer="outlook", charset="euc-kr", code="base64", subject="무인기 개발 포지션 제안드립니다",
     text="안녕하세요 서민아 님,\n\n바른서치 정하늘입니다. 고객사 한화시스템의 무인기 개발 포지션 직무기술서를 첨부합니다.\n공고: https://www.barun-search.example/jobs/301\n관심 없으시면 다시 연락드리지 않겠습니다. 02-000-0000\n",
     files=[("직무기술서.pdf", PDF, c.pdf())])

case("ko-application", "ko", N, "우리 회사 지원자의 이력서", "개인 메일이지만 PDF 이력서뿐",
     sender=("윤서준", "seojun_yoon_apply@gmail.com"), to=[JOBS], mailer="gmail", code="base64", subject="비행제어 엔지니어 지원합니다",
     text="안녕하세요.\n\n비행제어 엔지니어 직무에 지원합니다. 이력서와 자기소개서를 첨부합니다. 희망 연봉은 면접 때 말씀드리겠습니다.\n\n윤서준 드림\n",
     files=[("이력서_윤서준.pdf", PDF, c.pdf())])

case("ko-salary-statement", "ko", N, "급여명세서(보안 PDF)", "급여 대행사의 보안 PDF, 비밀번호는 생년월일이라 안내",
     sender=("한빛 급여센터", "pay@hanbit-payroll.example"), to=[MINA], mailer="service", charset="euc-kr", code="base64", subject="[급여명세서] 2025년 6월",
     text="서민아 님의 6월 급여명세서입니다. 보안을 위해 비밀번호(생년월일 6자리)가 설정되어 있습니다.\n",
     files=[("급여명세서_202506.pdf", PDF, c.encrypted_pdf())])

case("ko-partner-drawings", "ko", N, "협력사의 도면 ZIP", "열리는 압축 파일에 도면만 있고 아는 협력사 도메인",
     auth="softfail", sender=("한빛항전 설계팀", "design@hanbit-avionics.example"), to=[MINA], mailer="naver", charset="euc-kr", code="base64", subject="항전 장비 도면 송부",
     text="서민아 님,\n\n회의에서 말씀드린 도면을 보내드립니다. 검토 부탁드립니다.\n\n한빛항전 설계팀\n",
     files=[("도면_A3.zip", ZIP, c.zipped([("panel.dxf", b"0\r\nEOF\r\n"), ("도면목록.txt", "시험용".encode())]))])

case("ko-conference", "ko", N, "학회 초청", "학회 도메인, 회사 이름은 발표자로만 나옴",
     sender=("한국무인체계학회", "office@kuss-society.example"), to=[MINA], mailer="bulk", subject="2025 추계학술대회 초청",
     text="서민아 님,\n\n한국항공우주산업(KAI), LIG넥스원 연구진이 발표하는 추계학술대회에 초청합니다.\n등록: https://www.kuss-society.example/2025\n", both=True)

case("ko-interview", "ko", N, "화상 면접 안내", "웹 브라우저 회의 주소, 설치할 것 없음",
     sender=("한빛항전 인사팀", "hr@hanbit-avionics.example"), to=[MINA], mailer="exchange", subject="화상 면접 일정 안내", code="base64",
     text="서민아 님,\n\n화상 면접은 6월 19일 14시입니다. https://meet.google.com/000-0000-000 로 접속해 주세요. 설치할 프로그램은 없습니다.\n",
     calendar=calendar("a9@hanbit-avionics.example", "화상 면접", AT(2025, 6, 19, 5), 1, ("HR", "hr@hanbit-avionics.example"), MINA, "https://meet.google.com/000-0000-000", "화상 면접"))

case("ko-it-notice", "ko", N, "우리 IT팀의 보안 패치 공지", "회사 도메인, 자동 설치, 첨부 없음",
     sender=("Kestrel IT", "it@kestrel-uav.example"), to=[MINA], mailer="exchange", code="base64", subject="[공지] 화요일 보안 패치 배포",
     text="직원 여러분,\n\n화요일 20시에 보안 패치가 자동으로 설치됩니다. 프로그램을 메일로 보내지 않으니 첨부 파일은 열지 마세요.\n\nKestrel IT\n")

case("ko-job-portal", "ko", N, "채용 포털의 추천 공고", "포털 자체 도메인, 회사 이름이 목록으로 나옴",
     sender=("항공잡", "noreply@hanggongjob.example"), to=[MINA], mailer="bulk", code="base64", subject="서민아 님을 위한 추천 공고 7건",
     text="현대로템 - 무인차량 SW\n한화에어로스페이스 - 엔진 제어\nLIG넥스원 - 탐색기 개발\n\n모두 보기: https://www.hanggongjob.example/recommend\n", both=True,
     headers=["List-Unsubscribe: <https://www.hanggongjob.example/unsub>"])

case("ko-friend-kakao", "ko", N, "대학 동기의 안부와 이직 소식", "아는 사람의 안부, 파일도 제안도 없음",
     sender=("백지수", "jisu_baek_friend@gmail.com"), to=[MINA], mailer="gmail", code="base64", subject="오랜만이야",
     text="민아야 잘 지내지? 나 이번에 이직했어. 주말에 밥 먹자. 카톡으로 연락 줘!\n\n지수\n")
