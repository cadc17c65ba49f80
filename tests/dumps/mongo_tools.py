#!/usr/bin/env python3
"""Stands in for mongodump, mongorestore and mongod, which no registry of the test machines has.

What it knows of them: the arguments that hotspare and restore.sh give, the YAML file for --config, the archive format
(spec.md of the MongoDB Database Tools), what is said on standard error, and exit codes. A server is a folder: DATABASE/COLLECTION
holds one file a document, as BSON. Called as: mongo_tools.py TOOL PLACE ARGUMENTS...
PLACE/server is the server; PLACE/password who may log in; PLACE/mood what goes wrong; PLACE/log what it was called with.
"""

import json
import os
import random
import shutil
import socket
import stat
import struct
import sys
import urllib.parse

tool, place, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
END = b"\xff\xff\xff\xff"
MAGIC = bytes([0x6D, 0xE2, 0x99, 0x81])


def fail(why):
    print("2026-11-21T15:00:00.000+0000\tFailed: " + why, file=sys.stderr)
    sys.exit(1)


def content(name):
    path = os.path.join(place, name)
    return open(path).read().strip() if os.path.exists(path) else ""


def crc(data):
    """CRC-64/XZ, bit by bit."""
    value = 0xFFFFFFFFFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xC96C5795D7870F42 if value & 1 else value >> 1
    return value ^ 0xFFFFFFFFFFFFFFFF


def bson(fields):
    body = b""
    for name, value in fields:
        if isinstance(value, bool):
            kind, data = 0x08, bytes([value])
        elif isinstance(value, int):
            kind, data = 0x12, struct.pack("<q", value - (1 << 64) if value >= 1 << 63 else value)
        else:
            text = value.encode() + b"\0"
            kind, data = 0x02, struct.pack("<i", len(text)) + text
        body += bytes([kind]) + name.encode() + b"\0" + data
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def fields(document):
    found, at = {}, 4
    while document[at] != 0:
        kind = document[at]
        end = document.index(b"\0", at + 1)
        name, at = document[at + 1 : end].decode(), end + 1
        if kind == 0x08:
            found[name], at = bool(document[at]), at + 1
        elif kind == 0x12:
            found[name], at = struct.unpack("<q", document[at : at + 8])[0], at + 8
        else:
            length = struct.unpack("<i", document[at : at + 4])[0]
            found[name], at = document[at + 4 : at + 3 + length].decode(), at + 4 + length
    return found


def options(known):
    """--name=value, or --name value as restore.sh gives them; what is not known is an error, as with the real ones."""
    found, rest = {}, list(arguments)
    while rest:
        word = rest.pop(0)
        name, equal, value = word.partition("=")
        if name not in known:
            print("error parsing command line options: unknown option " + name, file=sys.stderr)
            sys.exit(1)
        found[name] = value if equal else (rest.pop(0) if known[name] else "")
    return found


def server(given):
    """Where the server's data lie, after a login with what the file for --config says."""
    settings = {}
    if given.get("--config"):
        path = given["--config"]
        for file, mode in ((path, 0o600), (os.path.dirname(path), 0o700)):
            found = stat.S_IMODE(os.stat(file).st_mode)
            if found != mode:
                fail("%s can be read by others: %o" % (file, found))
        for line in open(path):
            name, _, value = line.partition(": ")
            settings[name] = json.loads(value)
    uri = settings.get("uri", "mongodb://ana@" + given.get("--host", "127.0.0.1"))
    host = uri.split("://")[1].split("/")[0].rpartition("@")[2]
    if host.startswith("%2F"):
        return open(urllib.parse.unquote(host) + ".store").read()
    if "down" in content("mood"):
        fail("can't create session: failed to connect to %s: server selection error: connection refused" % uri)
    if settings.get("password", "") != content("password"):
        fail("can't create session: connection() error occurred during connection handshake: auth error: unable to "
             'authenticate using mechanism "SCRAM-SHA-256": (AuthenticationFailed) Authentication failed.')
    return os.path.join(place, "server")


def dump():
    given = options({"--config": 1, "--archive": 0, "--db": 1})
    database = given["--db"]
    folder = os.path.join(server(given), database)
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    documents = {}
    for name in names:
        files = os.listdir(os.path.join(folder, name))
        random.shuffle(files)  # no order is promised
        documents[name] = [open(os.path.join(folder, name, file), "rb").read() for file in files]
    out = MAGIC + bson([("concurrent_collections", 4), ("version", "0.1"), ("server_version", "7.0.5"), ("tool_version", "100.9.4")])
    for name in names:
        metadata = json.dumps({"indexes": [{"v": 2, "key": {"_id": 1}, "name": "_id_"}], "uuid": crc((folder + name).encode())})
        out += bson([("db", database), ("collection", name), ("metadata", metadata), ("size", 0), ("type", "collection")])
    out += END
    pieces = [(name, documents[name][at : at + 3]) for name in names for at in range(0, len(documents[name]), 3)]
    random.shuffle(pieces)
    sums = {name: b"" for name in names}
    for name, some in pieces:
        print("2026-11-21T15:00:00.000+0000\twriting %s.%s to archive on stdout" % (database, name), file=sys.stderr)
        out += bson([("db", database), ("collection", name), ("EOF", False), ("CRC", 0)]) + b"".join(some) + END
        sums[name] += b"".join(some)
    for name in names:
        out += bson([("db", database), ("collection", name), ("EOF", True), ("CRC", crc(sums[name]))]) + END
    if "half" in content("mood"):
        out = out[: len(out) // 2]
    sys.stdout.buffer.write(out)
    sys.stdout.flush()
    if "fails" in content("mood"):
        fail("error writing data for collection `%s` to disk: (CursorNotFound) cursor id 7 not found" % database)
    print("2026-11-21T15:00:00.000+0000\tdone dumping", file=sys.stderr)


def restore():
    given = options({"--config": 1, "--archive": 0, "--drop": 0, "--stopOnError": 0, "--host": 1, "--port": 1,
                     "--username": 1, "--authenticationDatabase": 1})
    store, data = server(given), sys.stdin.buffer.read()
    if data[:4] != MAGIC:
        fail("stream or file does not appear to be a mongodump archive")
    blocks, at = [[]], 4
    while at < len(data):
        if data[at : at + 4] == END:
            blocks.append([])
            at += 4
            continue
        length = struct.unpack("<i", data[at : at + 4])[0]
        blocks[-1].append(data[at : at + length])
        at += length
    found = {}
    for listed in blocks[0][1:]:
        listed = fields(listed)
        found[(listed["db"], listed["collection"])] = []
    for block in blocks[1:-1]:
        head = fields(block[0])
        name = (head["db"], head["collection"])
        found[name] += block[1:]
        if head["EOF"] and head["CRC"] & 0xFFFFFFFFFFFFFFFF != crc(b"".join(found[name])):
            fail("CRC mismatch for %s.%s" % name)
    for (database, name), documents in found.items():
        folder = os.path.join(store, database, name)
        if "--drop" in given:
            shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder, exist_ok=True)
        if "loses" in content("mood"):
            documents = documents[1:]
        for document in documents:
            with open(os.path.join(folder, "%016x" % crc(document)), "wb") as file:
                file.write(document)
    print("2026-11-21T15:00:00.000+0000\t0 document(s) failed to restore.", file=sys.stderr)


def serve():
    given = options({"--dbpath": 1, "--bind_ip": 1, "--logpath": 1, "--wiredTigerCacheSizeGB": 1})
    if not os.path.isdir(given["--dbpath"]):
        sys.exit(100)
    listener = socket.socket(socket.AF_UNIX)
    with open(given["--bind_ip"] + ".store", "w") as file:
        file.write(given["--dbpath"])
    listener.bind(given["--bind_ip"])
    listener.listen()
    while True:
        listener.accept()


if arguments == ["--version"]:
    print(tool + " version: 100.9.4")
    sys.exit(0)
with open(os.path.join(place, "log"), "a") as log:
    log.write(json.dumps({"tool": tool, "arguments": arguments, "environment": dict(os.environ)}) + "\n")
{"mongodump": dump, "mongorestore": restore, "mongod": serve}[tool]()
