"""Tomcat: AccessLogValve with the patterns common and combined, its default pattern, and ExtendedAccessLogValve (W3C)."""

import shutil
import signal
import time

from .web import Browser, browse
from .world import Host, wait_port, write_expected

PATTERNS = {"localhost_access_log": "common", "combined": "combined",
            "custom": "%a %A %{X-Forwarded-For}i %t %m %U %q %H %s %B %D %F %I %S %v &quot;%{User-Agent}i&quot;"}
VALVE = '<Valve className="org.apache.catalina.valves.AccessLogValve" directory="logs" prefix="{}" suffix=".txt" rotatable="false" buffered="false" pattern="{}" />\n'
EXTENDED = ('<Valve className="org.apache.catalina.valves.ExtendedAccessLogValve" directory="logs" prefix="extended" suffix=".txt" rotatable="false" buffered="false"'
            ' pattern="date time c-ip cs-method cs-uri-stem cs-uri-query sc-status bytes time-taken cs(User-Agent) x-H(authType)" />\n')
SERVER = """<?xml version="1.0" encoding="UTF-8"?>
<Server port="-1">
  <Service name="Catalina">
    <Connector port="8080" protocol="HTTP/1.1" connectionTimeout="5000" />
    <Engine name="Catalina" defaultHost="localhost">
      <Host name="localhost" appBase="webapps" unpackWARs="true" autoDeploy="false">
{valves}
      </Host>
    </Engine>
  </Service>
</Server>
"""


def record(trees, out, outside):
    dest = out / "tomcat"
    dest.mkdir(parents=True, exist_ok=True)
    with Host(trees, "bookworm") as host:
        text = SERVER.format(valves="".join(VALVE.format(n, p) for n, p in PATTERNS.items()) + EXTENDED)
        host.write("/etc/tomcat10/server.xml", text)
        root = "/var/lib/tomcat10/webapps/ROOT"
        for at, content in (("index.html", "<h1>Werft</h1>\n"), ("uploads/bild.jsp", "<%= request.getParameter(\"cmd\") %>\n"), ("upload/index.jsp", "taken\n")):
            host.write(f"{root}/{at}", content)
        (host.path("/var/log/tomcat10")).mkdir(exist_ok=True)
        env = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "CATALINA_HOME": "/usr/share/tomcat10", "CATALINA_BASE": "/var/lib/tomcat10", "CATALINA_TMPDIR": "/tmp",
               "JAVA_HOME": "/usr/lib/jvm/default-java", "JAVA_OPTS": "-Djava.awt.headless=true -Xmx200m", "LANG": "C.UTF-8"}
        daemon = host.start("/usr/share/tomcat10/bin/catalina.sh", "run", env=env)
        wait_port(8080)
        time.sleep(3)
        b = Browser(outside, 8080)
        browse(b, b".jsp")
        time.sleep(0.5)
        host.stop(daemon, signal.SIGTERM)
        for name in [*PATTERNS, "extended"]:
            shutil.copyfile(host.path(f"/var/log/tomcat10/{name}.txt"), dest / f"{name}.txt")
        (dest / "server.xml").write_text(text)
        write_expected(dest / "requests.expected.jsonl", [{"kind": "recording", "tomcat10": host.version("tomcat10")}, *b.truth])
