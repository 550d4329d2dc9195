"""Takes every mail and writes it to a folder: mail_sink.py PORT FOLDER."""

import os
import sys
import threading

from aiosmtpd.controller import Controller


class Folder:
    def __init__(self, path):
        self.path = path
        self.count = len(os.listdir(path))

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        name = os.path.join(self.path, f"{self.count:06}.eml")
        head = f"X-Mail-From: {envelope.mail_from}\r\nX-Rcpt-To: {', '.join(envelope.rcpt_tos)}\r\n"
        with open(name + ".part", "wb") as file:
            file.write(head.encode() + envelope.content)
        os.rename(name + ".part", name)  # readers see whole mails only
        return "250 OK"


controller = Controller(Folder(sys.argv[2]), hostname="127.0.0.1", port=int(sys.argv[1]))
controller.start()
threading.Event().wait()
