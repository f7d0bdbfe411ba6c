"""Apache httpd: common, combined, vhost_combined, a custom format and the error log of the same requests."""

import shutil
import time

from .web import Browser, browse
from .world import Host, wait_port, write_expected

CONFIG = r"""
ServerName www.shipyard.example
ServerRoot /etc/apache2
PidFile /run/apache2.pid
Listen 81
User www-data
Group www-data
LogLevel info
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authn_file_module /usr/lib/apache2/modules/mod_authn_file.so
LoadModule authn_core_module /usr/lib/apache2/modules/mod_authn_core.so
LoadModule authz_user_module /usr/lib/apache2/modules/mod_authz_user.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule auth_basic_module /usr/lib/apache2/modules/mod_auth_basic.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
LogFormat "%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"" vhost_combined
LogFormat "%h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"" combined
LogFormat "%h %l %u %t \"%r\" %>s %O" common
LogFormat "%a %{remote}p %{%Y-%m-%dT%H:%M:%S}t.%{msec_frac}t %{%z}t %m \"%U\" \"%q\" %H %s/%>s %b %I %D %X \"%{X-Forwarded-For}i\" \"%{User-Agent}i\" %P" custom
CustomLog /var/log/apache2/vhost_combined.log vhost_combined
CustomLog /var/log/apache2/combined.log combined
CustomLog /var/log/apache2/common.log common
CustomLog /var/log/apache2/custom.log custom
ErrorLog /var/log/apache2/error.log
DocumentRoot /var/www/html
DirectoryIndex index.html
ScriptAlias /cgi /var/www/nothing
<Directory /var/www/html>
    Require all granted
</Directory>
<Directory /var/www/html/secret>
    Require all denied
</Directory>
<Location /private/>
    AuthType Basic
    AuthName private
    AuthUserFile /etc/apache2/users
    Require valid-user
</Location>
ProxyPass /down/ http://127.0.0.1:9/
<VirtualHost *:81>
    ServerName www.shipyard.example
</VirtualHost>
<VirtualHost *:81>
    ServerName kunden.shipyard.example
</VirtualHost>
"""
LOGS = ("common", "combined", "vhost_combined", "custom", "error")


def record(trees, out, outside):
    dest = out / "apache2"
    dest.mkdir(parents=True, exist_ok=True)
    with Host(trees, "bookworm") as host:
        config = CONFIG
        host.write("/etc/apache2/recording.conf", config)
        for at, text in (("index.html", "<h1>Werft</h1>\n"), ("upload/index.html", "taken\n"), ("uploads/bild.php", "uid=33(www-data)\n"),
                         ("private/index.html", "private\n"), ("secret/index.html", "secret\n")):
            host.write("/var/www/html/" + at, text)
        password = host.run("openssl", "passwd", "-apr1", "Zaunkoenig-17").stdout.decode().strip()
        host.write("/etc/apache2/users", f"anna:{password}\n")
        host.path("/var/log/apache2").mkdir(exist_ok=True)
        daemon = host.start("apache2", "-D", "FOREGROUND", "-f", "/etc/apache2/recording.conf")
        wait_port(81)
        b = Browser(outside, 81)
        browse(b)
        b.get(b"/secret/", source="203.0.113.9", referer=b"http://forged/, referer: x")
        b.get(b"/down/?x=1", source="203.0.113.9")
        time.sleep(0.3)
        host.stop(daemon)
        for name in LOGS:
            shutil.copyfile(host.path(f"/var/log/apache2/{name}.log"), dest / f"{name}.log")
        (dest / "apache2.conf").write_text(config.lstrip())
        write_expected(dest / "requests.expected.jsonl", [{"kind": "recording", "apache2": host.version("apache2")}, *b.truth])
