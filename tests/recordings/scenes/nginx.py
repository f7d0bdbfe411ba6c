"""nginx: combined, custom, JSON and error logs of the same requests."""

import shutil
import time

from .web import Browser, browse
from .world import Host, wait_port, write_expected

# The file is recorded too: a reader is given log_format lines as they stand in it.
CONFIG = r"""
user www-data;
worker_processes 1;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log info;
events { worker_connections 64; }
http {
    log_format timed '$remote_addr - $remote_user [$time_local] "$request" '
                     '$status $body_bytes_sent "$http_referer" '
                     '"$http_user_agent" "$http_x_forwarded_for" '
                     'rt=$request_time uct="$upstream_connect_time" host=$host:$server_port $scheme';
    log_format bars '$time_iso8601|$msec|$remote_addr|$remote_port|$request_method|$uri|$args|$status|$bytes_sent|$request_length|$http_user_agent';
    log_format json escape=json '{"time":"$time_iso8601","remote_addr":"$remote_addr","remote_user":"$remote_user",'
                                '"request":"$request","request_method":"$request_method","request_uri":"$request_uri",'
                                '"status":$status,"body_bytes_sent":$body_bytes_sent,"request_time":$request_time,'
                                '"http_referer":"$http_referer","http_user_agent":"$http_user_agent","host":"$host"}';
    log_format plain escape=none '$remote_addr [$time_local] "$request" $status "$http_user_agent"';
    access_log /var/log/nginx/combined.log;
    access_log /var/log/nginx/timed.log timed;
    access_log /var/log/nginx/bars.log bars;
    access_log /var/log/nginx/json.log json;
    access_log /var/log/nginx/escape-none.log plain;
    server {
        listen 80 default_server;
        listen [::]:80 default_server;
        server_name www.shipyard.example;
        root /var/www/html;
        client_max_body_size 1m;
        location / { try_files $uri $uri/ =404; }
        location = /upload { return 201; }
        location /uploads/ { return 200 "uid=33(www-data)\n"; }
        location /private/ { auth_basic "private"; auth_basic_user_file /etc/nginx/users; }
        location /down/ { proxy_pass http://127.0.0.1:9; }
    }
}
"""
LOGS = ("combined", "timed", "bars", "json", "escape-none", "error")


def record(trees, out, outside):
    dest = out / "nginx"
    dest.mkdir(parents=True, exist_ok=True)
    with Host(trees, "bookworm") as host:
        host.write("/etc/nginx/nginx.conf", CONFIG)
        host.write("/var/www/html/index.html", "<h1>Werft</h1>\n")
        host.write("/var/www/html/private/index.html", "private\n")
        password = host.run("openssl", "passwd", "-apr1", "Zaunkoenig-17").stdout.decode().strip()
        host.write("/etc/nginx/users", f"anna:{password}\n")
        host.path("/var/log/nginx").mkdir(exist_ok=True)
        daemon = host.start("nginx", "-g", "daemon off;")
        wait_port(80)
        b = Browser(outside, 80)
        browse(b)
        b.get(b"/down/?x=1", source="203.0.113.9")
        b.get(b"/upload", method=b"POST", body=b"x" * 1_100_000, source="203.0.113.77")
        time.sleep(0.3)
        host.stop(daemon)
        for name in LOGS:
            shutil.copyfile(host.path(f"/var/log/nginx/{name}.log"), dest / f"{name}.log")
        (dest / "nginx.conf").write_text(CONFIG.lstrip())
        write_expected(dest / "requests.expected.jsonl", [{"kind": "recording", "nginx": host.version("nginx")}, *b.truth])
