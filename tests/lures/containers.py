"""Harmless files for the mails: placeholders, and containers that hold placeholders.

Nothing in here holds code. A "program" is two magic bytes and zeros, a document has one line of text, a shortcut's
command is `rem`, which does nothing. Everything is written byte by byte with fixed dates, so that the same source
gives the same bytes.
"""

import io
import struct
import zipfile
import zlib

HARMLESS = b"harmless placeholder, made for a test"

EXE = b"MZ" + bytes(62)
ELF = b"\x7fELF" + bytes(60)
# The magic of a compound file (MSI), then zeros: not a readable one.
MSI = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
DATE = (2025, 3, 3, 9, 0, 0)


def pdf(line="harmless test document"):
    """One page with one line of text; no actions, no embedded files."""
    line = line.encode("ascii", "replace").replace(b"(", b"[").replace(b")", b"]")
    stream = b"BT /F1 12 Tf 72 720 Td (" + line + b") Tj ET"
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"xref\n0 6\n0000000000 65535 f \n%strailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        table,
        len(out),
    )


def encrypted_pdf():
    """A PDF whose trailer says that it is encrypted, as banks and payroll offices send them."""
    return pdf().replace(
        b"/Root 1 0 R",
        b"/Root 1 0 R /Encrypt << /Filter /Standard /V 1 /R 2 /O <" + b"00" * 32 + b"> /U <" + b"00" * 32 + b"> /P -4 >>",
    )


def zipped(files):
    """A ZIP. `files` is a list of (name, bytes)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            info = zipfile.ZipInfo(name, DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return out.getvalue()


class _ZipCrypto:
    """PKWARE's classic cipher (APPNOTE 6.1), which every unpacker knows."""

    def __init__(self, password):
        self.keys = [0x12345678, 0x23456789, 0x34567890]
        for byte in password:
            self._update(byte)

    @staticmethod
    def _crc(old, byte):
        return zlib.crc32(bytes([byte]), old ^ 0xFFFFFFFF) ^ 0xFFFFFFFF

    def _update(self, byte):
        keys = self.keys
        keys[0] = self._crc(keys[0], byte)
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = self._crc(keys[2], keys[1] >> 24)

    def encrypt(self, data):
        out = bytearray()
        for byte in data:
            mix = (self.keys[2] | 2) & 0xFFFF
            out.append(byte ^ (mix * (mix ^ 1) >> 8 & 0xFF))
            self._update(byte)
        return bytes(out)


def zip_with_password(files, password):
    """A ZIP whose entries are stored and encrypted with ZipCrypto."""

    def entry(name, data):
        crc = zlib.crc32(data)
        salt = bytes(11) + bytes([crc >> 24])
        return 0, crc, _ZipCrypto(password.encode()).encrypt(salt + data), len(data), b""

    return _raw_zip(files, entry)


def zip_with_aes(files):
    """A ZIP that says its entries are encrypted with AES (method 99). The content is zeros: no password opens it."""
    extra = struct.pack("<HHH2sBH", 0x9901, 7, 2, b"AE", 3, 0)
    return _raw_zip(files, lambda name, data: (99, 0, bytes(28 + len(data)), len(data), extra))


def _raw_zip(files, entry):
    out, directory = b"", b""
    date = (DATE[0] - 1980) << 9 | DATE[1] << 5 | DATE[2]
    time = DATE[3] << 11
    for name, data in files:
        flags = 1 if name.isascii() else 0x801
        raw_name = name.encode()
        method, crc, packed, size, extra = entry(name, data)
        fields = struct.pack(
            "<HHHHHIIIHH", 51 if extra else 20, flags, method, time, date, crc, len(packed), size, len(raw_name), len(extra)
        )
        directory += (
            b"PK\x01\x02\x14\x00" + fields + struct.pack("<HHHII", 0, 0, 0, 0, len(out)) + raw_name + extra
        )
        out += b"PK\x03\x04" + fields + raw_name + extra + packed
    end = struct.pack("<HHHHIIH", 0, 0, len(files), len(files), len(directory), len(out), 0)
    return out + directory + b"PK\x05\x06" + end


def _vint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def rar(files, encrypted=False):
    """A RAR 5 with stored entries. `encrypted`: marked so, the names readable, the contents zeros."""

    def block(kind, flags, body, extra=b"", data=b""):
        head = _vint(kind) + _vint(flags | (1 if extra else 0) | (2 if data else 0))
        head += (_vint(len(extra)) if extra else b"") + (_vint(len(data)) if data else b"") + body + extra
        head = _vint(len(head)) + head
        return struct.pack("<I", zlib.crc32(head)) + head + data

    out = b"Rar!\x1a\x07\x01\x00" + block(1, 0, _vint(0))
    for name, data in files:
        raw_name, crc = name.encode(), zlib.crc32(data)
        extra = b""
        if encrypted:
            record = _vint(1) + _vint(0) + _vint(0) + bytes([15]) + bytes(16) + bytes(16)
            extra = _vint(len(record)) + record
            size, data = len(data), bytes(-(-len(data) // 16) * 16)
        else:
            size = len(data)
        body = _vint(4) + _vint(size) + _vint(0x20) + struct.pack("<I", crc) + _vint(0) + _vint(0)
        out += block(2, 0, body + _vint(len(raw_name)) + raw_name, extra, data)
    return out + block(5, 0, _vint(0))


def seven_zip(files):
    """A 7z with one stored (copied) stream for each file."""
    packed = b"".join(data for _, data in files)
    count = bytes([len(files)])
    sizes = b"".join(_number7(len(data)) for _, data in files)
    header = b"\x01\x04"  # Header, MainStreamsInfo
    header += b"\x06\x00" + count + b"\x09" + sizes + b"\x00"  # PackInfo
    header += b"\x07\x0b" + count + b"\x00" + b"\x01\x01\x00" * len(files)  # UnpackInfo: folders of one Copy coder
    header += b"\x0c" + sizes
    header += b"\x0a\x01" + b"".join(struct.pack("<I", zlib.crc32(data)) for _, data in files) + b"\x00"
    header += b"\x08\x00\x00"  # SubStreamsInfo, end of streams
    names = b"\x00" + b"".join(name.encode("utf-16-le") + b"\0\0" for name, _ in files)
    header += b"\x05" + count + b"\x11" + _number7(len(names)) + names + b"\x00\x00"
    return _seven_zip_start(packed, header)


def seven_zip_names_hidden():
    """A 7z that says its header is encrypted (AES): not even the names can be read. The content is zeros."""
    packed = bytes(96)
    header = b"\x17"  # EncodedHeader
    header += b"\x06\x00\x01\x09" + _number7(len(packed)) + b"\x00"
    header += b"\x07\x0b\x01\x00\x01\x24\x06\xf1\x07\x01\x0a\x53\x07" + bytes(8)  # AES-256 with an IV of zeros
    header += b"\x0c" + _number7(90) + b"\x0a\x01" + bytes(4) + b"\x00\x00"
    return _seven_zip_start(packed, header)


def _number7(number):
    if number < 0x80:
        return bytes([number])
    if number < 0x4000:
        return bytes([0x80 | number >> 8, number & 0xFF])
    return b"\xc0" + bytes([number & 0xFF, number >> 8 & 0xFF]) if number < 0x10000 else b"\xff" + struct.pack("<Q", number)


def _seven_zip_start(packed, header):
    start = struct.pack("<QQI", len(packed), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<I", zlib.crc32(start)) + start + packed + header


def iso(files, label="DOCUMENTS"):
    """An ISO 9660 image with Joliet names."""
    sector = 2048
    first_file = 24

    def both(number, size=4):
        return number.to_bytes(size, "little") + number.to_bytes(size, "big")

    def record(place, length, name, folder=False):
        body = b"\0" + both(place) + both(length) + bytes([125, 3, 3, 9, 0, 0, 0, 2 if folder else 0, 0, 0]) + both(1, 2)
        body += bytes([len(name)]) + name + (b"" if len(name) % 2 else b"\0")
        return bytes([len(body) + 1]) + body

    def short(number, name):
        stem, _, ending = name.rpartition(".")
        return f"FILE{number:04}.{ending.upper() if ending.isascii() else 'BIN'};1".encode()

    def folder(place, names):
        out = record(place, sector, b"\0", True) + record(place, sector, b"\1", True)
        at = first_file
        for (_, data), name in zip(files, names):
            out += record(at, len(data), name)
            at += -(-len(data) // sector)
        return out.ljust(sector, b"\0")

    def descriptor(kind, escape, encode, root, little, big):
        text = lambda value, size: encode(value)[:size].ljust(size, encode(" ") if kind == 1 else b"\0")
        end = first_file + sum(-(-len(data) // sector) for _, data in files)
        out = bytes([kind]) + b"CD001\1\0" + text("", 32) + text(label, 32) + bytes(8) + both(end)
        out += escape.ljust(32, b"\0") + both(1, 2) + both(1, 2) + both(sector, 2) + both(10)
        out += struct.pack("<II", little, 0) + struct.pack(">II", big, 0) + record(root, sector, b"\0", True)
        out += text("", 128) * 4 + text("", 37) * 3 + (b"2025030309000000\0" * 2) + (b"0" * 16 + b"\0") * 2 + b"\1\0"
        return out.ljust(sector, b"\0")

    def paths(root, order):
        return (b"\1\0" + root.to_bytes(4, order) + (1).to_bytes(2, order) + b"\0\0").ljust(sector, b"\0")

    ascii_text, joliet_text = (lambda v: v.encode("ascii")), (lambda v: v.encode("utf-16-be"))
    out = bytes(16 * sector)
    out += descriptor(1, b"", ascii_text, 22, 19, 20)
    out += descriptor(2, b"%/E", joliet_text, 23, 21, 21)
    out += (b"\xffCD001\1").ljust(sector, b"\0")
    out += paths(22, "little") + paths(22, "big") + paths(23, "little")
    out += folder(22, [short(n, name) for n, (name, _) in enumerate(files)])
    out += folder(23, [name.encode("utf-16-be") for name, _ in files])
    return out + b"".join(data.ljust(-(-len(data) // sector) * sector, b"\0") for _, data in files)


def fat(files):
    """A FAT12 image of 32 KiB; names of eight and three letters, each file of one sector at most."""
    boot = b"\xeb\x3c\x90MSDOS5.0" + struct.pack("<HBHBHHBHHHII", 512, 1, 1, 1, 16, 64, 0xF8, 1, 1, 1, 0, 0)
    boot += b"\x80\0\x29" + bytes(4) + b"DOCUMENTS  FAT12   "
    boot = boot.ljust(510, b"\0") + b"\x55\xaa"
    entries, root, data = [0xFF8, 0xFFF] + [0xFFF] * len(files), b"", b""
    for number, (name, content) in enumerate(files):
        stem, _, ending = name.partition(".")
        assert len(stem) <= 8 and len(ending) <= 3 and len(content) <= 512
        short = stem.upper().ljust(8).encode() + ending.upper().ljust(3).encode()
        root += short + b"\x20" + bytes(10) + struct.pack("<HHHI", 9 << 11, 45 << 9 | 3 << 5 | 3, number + 2, len(content))
        data += content.ljust(512, b"\0")
    packed = bytearray()
    for low, high in zip(entries[::2], (entries[1::2] + [0])[: len(entries[::2])]):
        packed += bytes([low & 0xFF, low >> 8 | (high & 0xF) << 4, high >> 4])
    return (boot + bytes(packed).ljust(512, b"\0") + root.ljust(512, b"\0") + data).ljust(64 * 512, b"\0")


def vhd(files):
    """A fixed virtual disk: a FAT image and the footer."""
    disk = fat(files)
    footer = b"conectix" + struct.pack(">IIQI", 2, 0x10000, 0xFFFFFFFFFFFFFFFF, 0) + b"test" + struct.pack(">I", 0x10000)
    footer += b"Wi2k" + struct.pack(">QQHBBI", len(disk), len(disk), 1, 1, 64, 2)
    total = ~(sum(footer)) & 0xFFFFFFFF
    return disk + (footer + struct.pack(">I", total) + bytes(17)).ljust(512, b"\0")


def shortcut(shown="Job description.pdf"):
    """A Windows shortcut to cmd.exe whose command is a remark and does nothing."""
    flags = 0x04 | 0x08 | 0x20 | 0x40 | 0x80  # name, relative path, arguments, icon, Unicode
    out = struct.pack("<I", 0x4C) + bytes.fromhex("0114020000000000c000000000000046") + struct.pack("<II", flags, 0x20)
    out += bytes(24) + struct.pack("<IIIHHII", 0, 0, 7, 0, 0, 0, 0)
    for text in (shown, "..\\..\\..\\Windows\\System32\\cmd.exe", "/c rem harmless test", "%SystemRoot%\\System32\\imageres.dll"):
        out += struct.pack("<H", len(text)) + text.encode("utf-16-le")
    return out + bytes(4)


def docx(text="harmless test document", template=None):
    """A document of one line without macros. `template`: the address of a template outside it."""
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    files = [
        (
            "[Content_Types].xml",
            f'{head}<Types xmlns="{package}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{main}.document.main+xml"/>'
            f'<Override PartName="/word/settings.xml" ContentType="{main}.settings+xml"/></Types>',
        ),
        (
            "_rels/.rels",
            f'{head}<Relationships xmlns="{package}/relationships">'
            f'<Relationship Id="rId1" Type="{office}/officeDocument" Target="word/document.xml"/></Relationships>',
        ),
        ("word/document.xml", f'{head}<w:document xmlns:w="{word}"><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>'),
        (
            "word/_rels/document.xml.rels",
            f'{head}<Relationships xmlns="{package}/relationships">'
            f'<Relationship Id="rId1" Type="{office}/settings" Target="settings.xml"/></Relationships>',
        ),
        (
            "word/settings.xml",
            f'{head}<w:settings xmlns:w="{word}" xmlns:r="{office}">'
            + ('<w:attachedTemplate r:id="rId1"/>' if template else "")
            + "</w:settings>",
        ),
    ]
    if template:
        files.append(
            (
                "word/_rels/settings.xml.rels",
                f'{head}<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
                f'Type="{office}/attachedTemplate" Target="{template}" TargetMode="External"/></Relationships>',
            )
        )
    return zipped([(name, data.encode()) for name, data in files])


def smuggling(name):
    """An HTML page with the mark of smuggling only: a download from a data: address that holds the word harmless."""
    return (
        "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>Document</title></head><body>"
        f'<p>Your document is ready.</p><a download="{name}" '
        'href="data:application/octet-stream;base64,aGFybWxlc3M=">Save document</a></body></html>'
    ).encode()
