#!/usr/bin/env python3
"""Writes modern honest mails: modern.py --seed N OUTDIR [--count 200]. Same seed, same bytes.

Each template is a letter with blanks. `{word}` is filled in from the draw of names and numbers, `<<a|b|c>>` is one of
the three, and `[[words|address]]` is a link: words with the address beside them in the text part, a link in the HTML
part. In mails by order the links go through an address of the sender's own domain that counts them. Brands write from
their own domains; firms below `.example` are made up.
"""

import argparse
import datetime
import html
import pathlib
import random
import re
import sys

sys.dont_write_bytecode = True
import containers as c
from mime import Mail, calendar
from world import ELLA, HR, JONAS, MINA, OWN, PRIYA, SECURITY

PDF = "application/pdf"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
TEMPLATES = []

NAMES = {
    "en": ["Oliver Hale", "Grace Whitmore", "Samir Patel", "Chloe Barnes", "Daniel Okafor", "Ruth Ashby", "Henry Lowell", "Maya Sorensen"],
    "de": ["Katrin Vogt", "Uwe Lindner", "Sabine Kröger", "Matthias Brühl", "Anja Weiß", "Stefan Höfer", "Petra Nagel", "Felix Sommer"],
    "ko": ["김도윤", "이서연", "박준호", "최유진", "정민석", "강하은", "조현우", "윤지아"],
}
ROMAN = {"김도윤": "dy.kim", "이서연": "sylee", "박준호": "junho.park", "최유진": "yj.choi", "정민석": "ms.jung", "강하은": "haeun", "조현우": "hw.cho", "윤지아": "jia.yoon"}
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
FIRMS = {
    "en": [("Brightwater Supplies", "brightwater-supplies"), ("Ashgrove Metals", "ashgrove-metals"), ("Tidewell Systems", "tidewell"),
           ("Larkspur Logistics", "larkspur-logistics"), ("Northfield Instruments", "northfield-instruments"), ("Pemberton & Shaw", "pembertonshaw")],
    "de": [("Nordlicht Elektronik GmbH", "nordlicht-elektronik"), ("Hansen Metallbau", "hansen-metallbau"), ("Bürowelt Keller", "buerowelt-keller"),
           ("Messtechnik Sander", "messtechnik-sander"), ("Spedition Ohlsen", "spedition-ohlsen"), ("Weber & Partner", "weber-partner")],
    "ko": [("다온전자", "daon-electronics"), ("미르정밀", "mir-precision"), ("새솔물류", "saesol-logis"), ("가온소프트", "gaon-soft"), ("해오름상사", "haeoreum"), ("누리계측", "nuri-metrics")],
}
AGENCIES = {
    "en": [("Northbridge Talent", "northbridge-talent"), ("Cartwright Search", "cartwright-search"), ("Kite & Harrow", "kite-harrow")],
    "de": [("Merz Personalberatung", "merz-personalberatung"), ("Kontor für Fachkräfte", "kontor-fachkraefte"), ("Sommer & Jahn", "sommer-jahn")],
    "ko": [("바른서치", "barun-search"), ("이음컨설팅", "ieum-consulting"), ("늘봄인재", "neulbom-hr")],
}
SUBJECTS = ["wing rig", "ground station", "test bench 2", "battery pack", "autopilot board", "landing gear", "wind tunnel slot", "cable harness"]
TOPICS = {"en": SUBJECTS, "de": ["Prüfstand 2", "Bodenstation", "Akkupack", "Kabelbaum", "Fahrwerk", "Windkanal"], "ko": ["시험대 2", "지상국", "배터리 팩", "자동조종 보드", "착륙장치", "풍동 시험"]}
PLACES = {"en": ["Bristol", "Cambridge", "Dublin", "Leeds"], "de": ["Bremen", "Ulm", "Leipzig", "Kiel"], "ko": ["대전", "사천", "창원", "판교"]}
READERS = {"en": [PRIYA, ELLA], "de": [JONAS, SECURITY], "ko": [MINA]}
GREEN, BLUE, GREY = "#1b7f4b", "#0b57d0", "#333333"


def template(name, language, sender, subject, text, look="plain", mailer="service", **more):
    TEMPLATES.append(dict(name=name, language=language, sender=sender, subject=subject, text=text.strip() + "\n", look=look, mailer=mailer, **more))


# English -----------------------------------------------------------------------------------------------------------

template("invoice", "en", "{firm} Accounts <accounts@{domain}>", "Invoice {number} from {firm}", """
Dear {reader},

<<please find attached|attached is>> invoice {number} for {amount} EUR, payable until {day}. Our bank details have not changed.
If you have any questions <<call us|ring us>> on 020 7946 0{n3} or answer this mail.

<<Kind regards|Best regards>>
{person}
{firm}, Accounts receivable
""", mailer="outlook", files=["Invoice_{number}.pdf"])

template("order-confirmation", "en", "{firm} <orders@{domain}>", "Order {number} confirmed", """
Thank you for your order, {first}

<<3|5|12>> items for the {topic}, {amount} GBP in total. We <<expect to|will>> deliver on {day}.

[[View your order|https://www.{domain}/orders/{number}]]

Questions? [[Help centre|https://www.{domain}/help]] or WhatsApp: [[chat with us|https://wa.me/000000{n4}]]
""", look="button", pixel=True)

template("google-sign-in", "en", "Google <no-reply@accounts.google.com>", "Security alert", """
A new sign-in on <<Windows|Mac|Linux>>

{reader-address}

We noticed a new sign-in to your Google Account. If this was you, you don't need to do anything. If not, we'll help you secure your account.

[[Check activity|https://accounts.google.com/AccountChooser?Email={reader-address}&continue=https://myaccount.google.com/alert/nt/{token}]]

You can also see security activity at
https://myaccount.google.com/notifications
""", look="button")

template("microsoft-code", "en", "Microsoft account team <account-security-noreply@accountprotection.microsoft.com>", "Your single-use code", """
Hi {reader-address},

We received your request for a single-use code to use with your Microsoft account.

Your single-use code is: {n6}

Only enter this code at an official website or app. Don't share it with anyone. We'll never ask for it outside an official platform.

Thanks,
The Microsoft account team

[[Privacy Statement|https://go.microsoft.com/fwlink/?LinkId=521839]]
""")

template("password-reset", "en", "{firm} <no-reply@{domain}>", "<<Reset your password|Password reset requested>>", """
Hello {first},

You asked to reset your password for the customer portal of {firm}. The link works for {n1} hours and once only:

[[Choose a new password|https://portal.{domain}/reset/{token}]]

If you did not ask for this, ignore this mail; your password stays as it is.
""", look="button")

template("newsletter", "en", "{firm} <news@{domain}>", "<<What's new in|Spring news:|Five tips for your>> {topic}", """
{firm} <<News|Monthly>>

<<How our customers cut their test time in half|A visit to our new hall in {place}>>
[[Read more|https://t.{domain}/c/{token}/1]]

Webinar on {day}: {topic}, from the first sketch to the flight
[[Save my seat|https://t.{domain}/c/{token}/2]]

We are hiring: <<technicians|two engineers|apprentices>> in {place}
[[See all positions|https://t.{domain}/c/{token}/3]]

You receive this because you subscribed at our site. [[Unsubscribe|https://t.{domain}/u/{token}]]
""", look="news", mailer="bulk", pixel=True)

template("recruiter", "en", "{person} <{user}@{domain}>", "<<A role you might like|Quick question|Systems engineer in {place}>>", """
Hi {first},

I'm a recruiter at {firm}. A client in {place} is looking for <<a systems engineer|a test lead|an embedded developer>>, and your
background looks like a good fit. Salary is between {salary},000 and 9{n1},000 a year, three days in the office.

The job advertisement is here: [[{place}, reference {number}|https://www.{domain}/jobs/{number}]]. <<Would you have ten minutes for a call this week?|Happy to tell you more by phone.>>

{person}
{firm} | 020 7946 0{n3} | [[www.{domain}|https://www.{domain}/]]
""", agency=True, mailer="gmail")

template("interview", "en", "{person} <{user}@{domain}>", "Interview on {day}", """
Dear {first},

thank you for your application. We would like to invite you to an interview on {day}. It takes place by video call in your browser:
[[Join the meeting|https://teams.microsoft.com/l/meetup-join/19%3ameeting_{token}%40thread.v2/0]]

<<There is no test and nothing to install.|Please bring an example of your work.>> A calendar entry is attached.

{person}, People team
{firm}
""", mailer="exchange", invite=True)

template("github-review", "en", "{person} <notifications@github.com>", "Re: [kestrel/planner] <<Fix race in telemetry queue|Bump serde|Add retry to uplink>> (PR #{n3})", """
@{user} commented on this pull request.

> +    let deadline = now + timeout;

<<Could this overflow?|Nice, but needs a test.|LGTM, thanks!>>

—
Reply to this email directly, [[view it on GitHub|https://github.com/no--such--owner/planner/pull/{n3}#discussion_r{n9}]], or [[unsubscribe|https://github.com/notifications/unsubscribe-auth/{token}]].
You are receiving this because your review was requested.
""", reply=True)

template("github-actions", "en", "GitHub <notifications@github.com>", "[kestrel/planner] Run failed: CI - main ({hex7})", """
[kestrel/planner] CI workflow run

CI: <<Some jobs were not successful|All jobs have failed>>
[[View workflow run|https://github.com/no--such--owner/planner/actions/runs/{n9}]]

build / test (ubuntu-latest): Failed in {n1} minutes and {n2} seconds
""", look="button")

template("delivery", "en", "UPS <mcinfo@ups.com>", "UPS Update: Package Scheduled for Delivery {day}", """
Hi {reader}, your package is <<on its way|arriving soon>>.

Scheduled delivery: {day}, by end of day
Tracking number: [[1Z{n9}{n4}|https://www.ups.com/track?loc=en_GB&tracknum=1Z{n9}{n4}]]
From: {firm}

© 2025 United Parcel Service of America, Inc.
""", look="news", pixel=True)

template("bank-statement", "en", "Severn Valley Bank <statements@severnvalley-bank.example>", "Your statement for account ending {n4} is ready", """
Dear {reader},

your <<monthly|quarterly>> statement is ready. For your security we do not send links to sign in; open our app or type our address yourself.

We will never ask for your PIN or password by mail.

Severn Valley Bank
""", look="news")

template("ticket", "en", "{firm} Support <support@{domain}>", "[#{n5}] Re: {topic} <<does not start|calibration|licence>>", """
##- Please type your reply above this line -##

Hello {first},

<<we could reproduce the fault. A fixed version 4.{n1} is in your download area.|could you send us the log file, please? A ZIP of the folder is fine.|your licence was renewed until {day}.>>

[[Open the ticket|https://support.{domain}/tickets/{n5}]]

{person}
{firm} Support
""", reply=True)

template("minutes", "en", "{colleague}", "Minutes: {topic}, {past}", """
Hi all,

<<minutes attached|the minutes of today>>. In short:
- {topic}: drawings released, {person} orders the parts
- open: <<password policy of the test PCs|wind tunnel slot|offer of {firm}>>
- next meeting on {day}

{colleague-first}
""", mailer="outlook", files=["Minutes_{n4}.docx"])

template("onedrive", "en", "{person} <no-reply@sharepointonline.com>", "{person} shared \"{topic} {n4}.xlsx\" with you", """
{person} shared a file with you

<<Here's the file we talked about.|Please add your figures.|For tomorrow.>>

{topic} {n4}.xlsx
[[Open|https://tidewell-my.sharepoint.com/:x:/g/personal/{user}/{token}?e=4%3a{hex7}]]

This link only works for the direct recipients of this message. [[Privacy Statement|https://go.microsoft.com/fwlink/p/?linkid=857875]]
""", look="button", inline=True)

template("zoom", "en", "Zoom <no-reply@zoom.us>", "{person} is waiting: {topic}", """
Hi {reader},

{person} is <<waiting for you|already in the meeting>>: {topic}
[[Join now|https://us02web.zoom.us/j/000{n8}?pwd={token}]]
Passcode: {n6}
""")

template("travel", "en", "Bluewing Travel <booking@bluewing-travel.example>", "Booking {hex6}: London - {place}, {day}", """
Dear {reader},

your trip is booked. E-tickets and itinerary are attached.

Out: {day} 07:{n2}, seat {n2}A
Hotel: The Harbour, {n1} nights, {amount} EUR
[[Manage booking|https://www.bluewing-travel.example/b/{hex6}]]
""", files=["Itinerary_{hex6}.pdf"])

template("survey", "en", "{firm} <survey@{domain}>", "<<How did we do?|2 minutes for your opinion>>", """
Dear {first},

you had contact with our support on {past}. How did we do?

[[Very good|https://survey.{domain}/r/{token}?a=5]]
[[All right|https://survey.{domain}/r/{token}?a=3]]
[[Not good|https://survey.{domain}/r/{token}?a=1]]
""", look="news", mailer="bulk", pixel=True)

template("docusign", "en", "{person} via Docusign <dse@docusign.net>", "Complete with Docusign: {firm} - <<NDA|Framework contract|Offer>>_{n4}.pdf", """
{person} sent you a document to review and sign.

[[REVIEW DOCUMENT|https://eu.docusign.net/Signing/EmailStart.aspx?a={token}&acct={hex7}&er={hex6}]]

{person}
{user}@{domain}

Do Not Share This Email. This email contains a secure link to Docusign. Please do not share this email, link, or access code with others.
""", look="button", inline=True)

# German ------------------------------------------------------------------------------------------------------------

template("rechnung", "de", "{firm} <rechnung@{domain}>", "<<Rechnung|Ihre Rechnung>> {number}", """
Sehr geehrte Damen und Herren,

anbei erhalten Sie die Rechnung {number} über {amount} Euro, zahlbar bis {day}. Für Rückfragen: 030 23125 {n3}.

Mit freundlichen Grüßen
{person}
{firm}
""", mailer="outlook", files=["Rechnung_{number}.pdf"], charset="iso-8859-1")

template("mahnung", "de", "{firm} Buchhaltung <buchhaltung@{domain}>", "Zahlungserinnerung zur Rechnung {number}", """
Guten Tag,

<<sicher haben Sie übersehen|vielleicht ist Ihnen entgangen>>, dass unsere Rechnung {number} über {amount} Euro noch offen ist. Eine Kopie liegt bei.
Sollte sich Ihre Zahlung mit diesem Schreiben gekreuzt haben, ist es hinfällig.

{person}
""", mailer="thunderbird", files=["Kopie_{number}.pdf"])

template("bestellung", "de", "Amazon.de <bestellbestaetigung@amazon.de>", "Bestellt: „{topic} Halterung …“", """
Vielen Dank für deine Bestellung, {reader}!

Zustellung: {day}
Bestellnr. 302-{n7}-{n7}

[[Bestellung ansehen oder bearbeiten|https://www.amazon.de/gp/css/order-details?orderId=302-{n7}-{n7}&ref_={hex6}]]

Gesamtbetrag: EUR {amount}
""", look="news")

template("paket", "de", "DHL Paket <noreply@dhl.de>", "Ihre Sendung kommt <<heute|morgen|am {day}>>", """
Guten Tag {reader},

Ihre Sendung von {firm} kommt voraussichtlich am {day} zwischen {n1} und 1{n1} Uhr.

[[Sendung verfolgen|https://www.dhl.de/de/privatkunden/dhl-sendungsverfolgung.html?piececode=0034{n9}{n7}]]

Diese Nachricht wurde automatisch erstellt.
""", look="button")

template("bahn", "de", "Deutsche Bahn <noreply@deutschebahn.com>", "Ihre Buchung: {place} - Hamburg am {day} (Auftrag {n9})", """
Guten Tag {reader},

vielen Dank für Ihre Buchung. Ihr Ticket liegt als PDF bei, Sie finden es auch im DB Navigator.

{place} ab 08:{n2}, Wagen {n2}, Platz {n2}
Preis: {amount} Euro
[[Buchung verwalten|https://www.bahn.de/buchung/reiseuebersicht/{token}]]
""", look="news", files=["Ticket_{n9}.pdf"])

template("termin", "de", "{person} <{user}@{domain}>", "Einladung: {topic} am {day}", """
Hallo {first},

<<hier der Termin|wie besprochen der Termin>> zum Thema {topic}. Einwahl: [[Teams-Besprechung|https://teams.microsoft.com/l/meetup-join/19%3ameeting_{token}%40thread.v2/0]], Besprechungs-ID 3{n2} {n3} {n3} {n3}, Kennung: {hex6}

Gruß
{person}
""", mailer="exchange", invite=True)

template("personal", "de", "Kestrel HR <hr@kestrel-uav.example>", "<<Gehaltsrunde|Urlaubsplanung|Zielgespräche>> 2026", """
Liebe Kolleginnen und Kollegen,

<<die Gehaltsgespräche beginnen am {day}.|bitte tragt euren Urlaub bis {day} ein.|die Vorlage für das Zielgespräch liegt im Portal.>>
Alles Weitere im [[Personalportal|https://portal.kestrel-uav.example/hr/{n4}]].

Euer Personalteam
""", mailer="exchange")

template("bewerber", "de", "{person} <bewerbung_{user}@gmail.com>", "Bewerbung als <<Prüfingenieur|Technikerin|Werkstudent>>, Kennziffer {n4}", """
Sehr geehrte Damen und Herren,

hiermit bewerbe ich mich um die Stelle mit der Kennziffer {n4}. Meine Unterlagen finden Sie im Anhang. Mein Gehaltswunsch liegt bei
{salary}.000 Euro, mein frühester Eintritt ist der {day}.

Mit freundlichen Grüßen
{person}
""", mailer="gmail", files=["Lebenslauf.pdf", "Zeugnisse_{n4}.pdf"], code="base64", to=HR)

template("personalberater", "de", "{person} <{user}@{domain}>", "<<Neue Aufgabe in {place}?|Stelle in {place}>>", """
Guten Tag {reader},

für ein Unternehmen der Luftfahrt in {place} suchen wir <<eine Teamleitung|einen Systemarchitekten>>. Die Ausschreibung steht unter
[[www.{domain}/stellen/{n4}|https://www.{domain}/stellen/{n4}]], das Gehalt liegt um 9{n1}.000 Euro. Rufen Sie mich gern an: 030 23125 {n3}.

Freundliche Grüße
{person}, {firm}
""", agency=True, mailer="outlook", charset="iso-8859-1")

template("wetransfer", "de", "WeTransfer <noreply@wetransfer.com>", "{user}@{domain} hat dir „{topic}.zip“ über WeTransfer geschickt", """
{user}@{domain} hat dir einige Dateien geschickt

{n1} Objekte, {n3} MB insgesamt, wird gelöscht am {day}

[[Dateien abrufen|https://wetransfer.com/downloads/{token}/{hex7}]]

<<Anbei die Messdaten.|Wie besprochen.>>
""", look="button")

template("update", "de", "{firm} Produktteam <produkt@{domain}>", "Version 7.{n1} ist da", """
Hallo {first},

Version 7.{n1} unserer Software steht im Kundenbereich bereit. Neu: <<schnellerer Export|dunkle Ansicht|Zwei-Faktor-Anmeldung>>.

[[Zum Kundenbereich|https://kunden.{domain}/download]]
[[Versionshinweise|https://kunden.{domain}/neu/7-{n1}]]

Die Prüfsummen stehen neben den Dateien. [[Abmelden|https://t.{domain}/ab/{token}]]
""", look="news", mailer="bulk", pixel=True)

template("umbuchung", "de", "{colleague}", "AW: {topic}", """
Moin,

<<passt, ich gebe {person} Bescheid.|können wir das auf {day} schieben?|die Messung ist durch, Werte in der Tabelle.>>

{colleague-first}

Am {past} schrieb {person}:
> Wie sieht es mit {topic} aus?
> Das Angebot von {firm} liegt bei {amount} Euro.
""", mailer="thunderbird", reply=True)

template("kontoauszug", "de", "Hansekasse <service@hansekasse.example>", "Neue Nachricht in Ihrem Postfach", """
Guten Tag {reader},

in Ihrem elektronischen Postfach liegt <<ein neuer Kontoauszug|eine neue Mitteilung>>. Melden Sie sich wie gewohnt an; wir verschicken
keine Links zur Anmeldung und fragen nie nach TAN oder Kennwort.

Ihre Hansekasse
""", look="news")

# Korean ------------------------------------------------------------------------------------------------------------

template("segeum", "ko", "{firm} <tax@{domain}>", "[{firm}] 전자세금계산서 발행 안내 ({number})", """
{reader} 님 안녕하세요.

{firm}에서 전자세금계산서를 발행하였습니다.
공급가액: {n3},000원 / 작성일: {past}

[[세금계산서 보기|https://bill.{domain}/v/{token}]]

<<PDF를 첨부합니다.|첨부 파일을 확인해 주세요.>>
""", look="button", files=["세금계산서_{number}.pdf"], code="base64")

template("naver-login", "ko", "네이버 <account_noreply@navercorp.com>", "새로운 환경에서 로그인 되었습니다.", """
회원님의 아이디가 새로운 환경에서 로그인되었습니다.

로그인 시간: {past}
IP: 198.51.100.{n2}

본인이라면 이 메일은 무시하셔도 됩니다. 아니라면 비밀번호를 변경해 주세요.
[[로그인 기록 보기|https://nid.naver.com/user2/help/myInfoV2?menu=security]]
""", look="button", code="base64")

template("baesong", "ko", "쿠팡 <no-reply@coupang.com>", "[쿠팡] <<배송이 시작되었습니다|상품이 도착할 예정입니다>>", """
{reader} 님, 주문하신 상품이 {day} 도착 예정입니다.

주문번호 {n9}
[[배송 조회|https://mc.coupang.com/ssr/desktop/order/{n9}]]
""", look="news", code="base64")

template("hoeui", "ko", "{colleague}", "{topic} 회의록 공유드립니다", """
안녕하세요.

{topic} 회의록을 <<첨부합니다|공유드립니다>>. {person} 님 검토 부탁드립니다.
- 다음 회의: {day}
- {firm} 견적: {n3}만 원

{colleague-first} 드림
""", mailer="outlook", files=["회의록_{n4}.docx"], code="base64")

template("myeonjeop", "ko", "{firm} 인사팀 <hr@{domain}>", "[{firm}] 면접 일정 안내", """
{reader} 님 안녕하세요.

지원해 주셔서 감사합니다. 면접은 {day} 14시에 <<화상으로|{place} 사무실에서>> 진행됩니다.
[[일정 확인|https://recruit.{domain}/i/{token}]]

준비하실 프로그램은 없습니다. 감사합니다.
""", mailer="exchange", invite=True, code="base64")

template("headhunter", "ko", "{person} <{user}@{domain}>", "<<포지션 제안드립니다|{place} 근무 엔지니어 포지션>>", """
{reader} 님 안녕하세요. {firm} 컨설턴트 {person}입니다.

{place}에 있는 항공 분야 고객사에서 엔지니어를 찾고 있습니다. 연봉은 협의 가능합니다.
[[채용 공고|https://www.{domain}/jobs/{n4}]]

관심 있으시면 회신 부탁드립니다.
""", agency=True, mailer="naver", charset="euc-kr", code="base64")

template("nyuseuleteo", "ko", "{firm} <letter@{domain}>", "(광고) {topic} 기술 세미나 초대", """
{firm} 뉴스레터

{day} {place}에서 {topic} 세미나를 엽니다.
[[사전 등록|https://t.{domain}/c/{token}/1]]

<<무료 시험 장비 대여 행사|신제품 소개>>
[[자세히 보기|https://t.{domain}/c/{token}/2]]

수신을 원하지 않으시면 [[수신거부|https://t.{domain}/u/{token}]]
""", look="news", mailer="bulk", pixel=True, code="base64")

template("geupyeo", "ko", "Kestrel HR <hr@kestrel-uav.example>", "{n1}월 급여명세서 안내", """
{reader} 님,

{n1}월 급여명세서가 [[인사 포털|https://portal.kestrel-uav.example/pay/{n4}]]에 등록되었습니다. 문의는 인사팀으로 해 주세요.

Kestrel HR
""", mailer="exchange", code="base64")

template("jilmun", "ko", "{firm} 고객지원 <help@{domain}>", "Re: [문의 {n5}] {topic} 라이선스", """
안녕하세요, {person}입니다.

<<라이선스가 {day}까지 연장되었습니다.|로그 파일을 압축해서 보내 주시겠어요?|수정 버전은 고객 페이지에서 받으실 수 있습니다.>>
[[문의 내역|https://help.{domain}/t/{n5}]]

감사합니다.
""", reply=True, code="base64")


class Draw:
    """The names and numbers of one mail."""

    def __init__(self, rng, language, firms):
        self.rng, self.language, self.known = rng, language, {}
        reader = rng.choice(READERS[language])
        firm, label = rng.choice(firms[language])
        person = rng.choice(NAMES[language])
        colleague = rng.choice([each for each in (PRIYA, ELLA, JONAS, MINA, SECURITY) if each != reader])
        day = datetime.date(2025, 1, 7) + datetime.timedelta(days=rng.randrange(700))
        self.date = datetime.datetime(day.year, day.month, day.day, rng.randrange(6, 20), rng.randrange(60), rng.randrange(60),
                                      tzinfo=datetime.timezone(datetime.timedelta(hours={"en": 0, "de": 1, "ko": 9}[language])))
        later = day + datetime.timedelta(days=rng.randrange(2, 21))
        form = {"en": "%d %B %Y", "de": "%d.%m.%Y", "ko": "%Y-%m-%d"}[language]
        self.later = later
        self.to = reader
        user = ROMAN.get(person) or person.lower().replace(" ", ".").translate(UMLAUTS)
        amount = f"{rng.randrange(19, 4800)}{',' if language == 'de' else '.'}{rng.randrange(100):02}"
        self.known.update({
            "reader": reader[0], "first": reader[0].split()[0], "reader-address": reader[1], "firm": firm, "domain": f"{label}.example",
            "person": person, "user": user, "colleague": f"{colleague[0]} <{colleague[1]}>", "colleague-first": colleague[0].split()[0],
            "day": later.strftime(form), "past": (day - datetime.timedelta(days=rng.randrange(1, 6))).strftime(form), "amount": amount, "number": f"{rng.choice(['', 'R-', 'INV', '20'])}{rng.randrange(10000, 999999)}",
            "topic": rng.choice(TOPICS[language]), "salary": str(rng.randrange(46, 89)), "place": rng.choice(PLACES[language]),
            "token": "".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789-_") for _ in range(rng.randrange(18, 40))),
        })

    def __call__(self, text):
        text = re.sub(r"<<(.*?)>>", lambda m: self.rng.choice(m[1].split("|")), text, flags=re.S)
        return re.sub(r"\{([a-z0-9-]+)\}", lambda m: self._word(m[1]), text)

    def _word(self, word):
        if word not in self.known:
            kind, length = re.fullmatch(r"(n|hex)(\d)", word).groups()
            letters = "123456789" if kind == "n" else "0123456789ABCDEF"
            self.known[word] = "".join(self.rng.choice(letters) for _ in range(int(length)))
        return self.known[word]


LINK = re.compile(r"\[\[(.*?)\|(.*?)\]\]", re.S)


def as_text(text):
    return LINK.sub(lambda m: m[2] if m[1] in m[2] else f"{m[1]}: {m[2]}", text)


def as_html(text, look, draw, domain, pixel, inline):
    """The same letter as a page: plain as people write, with a button as services do, or a newsletter of tables."""
    colour = draw.rng.choice([GREEN, BLUE, GREY, "#c8102e", "#ff6600"])
    style = f'color:#fff;background:{colour};padding:10px 18px;border-radius:4px;text-decoration:none' if look == "button" else f"color:{colour}"

    def link(match):
        shown, target = html.escape(match[1]), html.escape(match[2])
        return f'<a href="{target}" style="{style}" target="_blank">{shown}</a>'

    escaped = LINK.sub(link, html.escape(text, quote=False).replace("&amp;", "&"))
    escaped = re.sub(r"(?m)^(https://\S+)$", r'<a href="\1">\1</a>', escaped)
    parts = [part.strip().replace("\n", "<br>\n") for part in re.split(r"\n\s*\n", escaped)]
    logo = f'<img src="cid:logo@{domain}" width="120" alt="logo">' if inline else f'<img src="https://static.{domain}/mail/logo.png" width="140" alt="">'
    count = f'<img src="https://t.{domain}/o/{draw("{token}")}.gif" width="1" height="1" alt="">' if pixel else ""
    if look == "plain":
        body = "".join(f"<p>{part}</p>\n" for part in parts)
        return f'<html><head><style>p{{margin:0 0 10px}}</style></head><body style="font-family:Aptos,Calibri,sans-serif;font-size:11pt">{body}{count}</body></html>\n'
    if look == "button":
        body = "".join(f'<p style="margin:16px 0">{part}</p>\n' for part in parts)
        return (f'<!DOCTYPE html><html><head><meta charset="utf-8"></head><body style="background:#f6f6f6"><div style="max-width:560px;margin:auto;'
                f'background:#fff;padding:24px;font-family:Arial,sans-serif">{logo}\n{body}{count}</div></body></html>\n')
    rows = "".join(f'<tr><td style="padding:12px 24px;font:15px/22px Helvetica,Arial,sans-serif">{part}</td></tr>\n' for part in parts)
    return (f'<!DOCTYPE html><html><head><meta charset="utf-8"><style>@media(max-width:600px){{.w{{width:100%!important}}}}</style></head>'
            f'<body><div style="display:none">{html.escape(parts[0][:60])}</div><table role="presentation" width="100%"><tr><td align="center">'
            f'<table class="w" role="presentation" width="600">\n<tr><td>{logo}</td></tr>\n{rows}</table></td></tr></table>{count}</body></html>\n')


def attachment(name, draw):
    name = draw(name)
    return (name, WORD, c.docx("minutes, test")) if name.endswith(".docx") else (name, PDF, c.pdf(f"test {draw('{n4}')}"))


def write(rng, chosen, number):
    draw = Draw(rng, chosen["language"], AGENCIES if chosen.get("agency") else FIRMS)
    name, address = re.fullmatch(r"(.*) <(.*)>", draw(chosen["sender"])).groups()
    domain = address.rpartition("@")[2]
    text = draw(chosen["text"])
    inline = chosen.get("inline") or (chosen["look"] != "plain" and rng.random() < 0.25)
    page = as_html(text, chosen["look"], draw, domain, chosen.get("pixel"), inline)
    headers = []
    if chosen["mailer"] == "bulk":
        headers = [f"List-Unsubscribe: <https://t.{domain}/u/{draw('{token}')}>, <mailto:leave@{domain}>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"]
    subject = draw(chosen["subject"])
    more = {"charset": chosen.get("charset", "utf-8"), "code": chosen.get("code", rng.choice(["quoted-printable", "quoted-printable", "base64"]))}
    for said in (text, page, subject):
        try:
            said.encode(more["charset"])
        except UnicodeEncodeError:
            more["charset"] = "utf-8"
    if chosen.get("invite"):
        start = datetime.datetime(draw.later.year, draw.later.month, draw.later.day, rng.randrange(7, 15), tzinfo=datetime.timezone.utc)
        more["calendar"] = calendar(f"{draw('{hex7}')}-{number}@{domain}", subject, start, 1, (name, address), draw.to, "Online", as_text(text), when=draw.date)
        try:
            more["calendar"].encode(more["charset"])
        except UnicodeEncodeError:
            more["charset"] = "utf-8"
    if chosen.get("reply"):
        more["reply"] = f"<{draw('{hex6}')}.{number}@{OWN}>"
    envelope = f"bounce-{draw('{n6}')}@t.{domain}" if chosen["mailer"] == "bulk" else address
    mail = Mail((name, address), [chosen.get("to", draw.to)], subject, text=as_text(text), html=page, mailer=chosen["mailer"], date=draw.date, envelope=envelope,
                inline=[("logo.png", "image/png", c.PNG, f"logo@{domain}")] if inline else (),
                files=[attachment(each, draw) for each in chosen.get("files", ())], headers=headers, key=f"{number}", **more)
    return bytes(mail)


def main():
    parser = argparse.ArgumentParser(description="writes modern honest mails from templates")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("outdir", type=pathlib.Path)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    args.outdir.mkdir(parents=True, exist_ok=True)
    queue = []
    for number in range(1, args.count + 1):
        if not queue:
            queue = TEMPLATES[:]
            rng.shuffle(queue)
        chosen = queue.pop()
        (args.outdir / f"{number:03}-{chosen['language']}-{chosen['name']}.eml").write_bytes(write(rng, chosen, number))


if __name__ == "__main__":
    main()
