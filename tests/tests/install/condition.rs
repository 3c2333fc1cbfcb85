//! What can be the matter with an instance, brought about for real in its container and taken away again.

use crate::run::inside;

/// Something that can be the matter.
pub struct Condition {
    /// What, in a word or two.
    pub name: &'static str,
    /// A script of the container that brings it about.
    pub begin: &'static str,
    /// A script that takes it away; empty: the printed remedy alone must do it.
    pub end: &'static str,
    /// What status must say.
    pub says: &'static str,
    /// The exit code it must end with.
    pub code: i32,
    /// Part of the remedy that must be printed.
    pub remedy: &'static str,
}

/// Holds the app's port as a service of somebody else's would. systemd-run takes `$$` for a `$`.
const SQUAT: &str = "systemctl stop vikunja-backend@blue && \
    systemd-run --quiet --unit=squatter perl -MIO::Socket::INET -e \
    '$$s = IO::Socket::INET->new(Listen => 5, LocalPort => 3456, ReuseAddr => 1) or die; sleep 600' && sleep 1 && \
    systemctl start vikunja-backend@blue && sleep 0.5";

/// A crash after which systemd waits long enough to be seen waiting.
const DOZE: &str = "mkdir -p /run/systemd/system/vikunja-backend@.service.d && \
    printf '[Service]\\nRestartSec=60\\n' >/run/systemd/system/vikunja-backend@.service.d/doze.conf && \
    systemctl daemon-reload && systemctl kill -s KILL vikunja-backend@blue && sleep 1";

/// Takes all disk space but 9 %, as users see it.
const FILL: &str = "set -- $(df --output=size,avail -B1 / | tail -n 1) && fallocate -l $(($2 - $1 * 9 / 100)) /var/filler";

/// Takes all memory but 15 %.
const HOG: &str = "set -- $(awk '/^MemTotal:|^MemAvailable:/ { print $2 }' /proc/meminfo) && \
    systemd-run --quiet --unit=hog perl -e '$$n = shift; $$x = q(); vec($$x, $$n - 1, 8) = 1; sleep 600' \
    $((($2 - $1 * 15 / 100) * 1024)) && sleep 2";

/// A pair that is valid for three days takes the place of both pairs nginx reads in turn.
const EXPIRING: &str = "cp -a /etc/nginx/homeport /root/pairs && cd /etc/nginx/homeport && \
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3 -keyout /root/key -out /root/pem \
    -subj /CN=short.test 2>/dev/null && \
    for pair in a b; do cat /root/key >$pair/key.pem; cat /root/pem >$pair/certificate.pem; done";

/// All of them, each of which leaves the instance as it was.
pub const CONDITIONS: [Condition; 13] = [
    Condition {
        name: "stopped",
        begin: "systemctl stop vikunja-backend@blue",
        end: "",
        says: "backend is stopped",
        code: 10,
        remedy: "systemctl restart vikunja-backend@blue.service",
    },
    Condition {
        name: "crashed once",
        begin: DOZE,
        end: "rm -r /run/systemd/system/vikunja-backend@.service.d && systemctl daemon-reload",
        says: "backend has crashed and is about to be restarted",
        code: 10,
        remedy: "journalctl",
    },
    Condition {
        name: "restarting",
        begin: "systemctl kill -s KILL vikunja-backend@blue; sleep 4",
        end: "systemctl restart vikunja-backend@blue",
        says: "backend is restarting",
        code: 0,
        remedy: "journalctl",
    },
    Condition {
        name: "crashing",
        begin: "cd /opt/vikunja/blue/ && mv vikunja good && printf '#!/bin/sh\\nexit 3\\n' >vikunja && chmod 755 vikunja && \
                systemctl restart vikunja-backend@blue; for i in $(seq 60); do \
                [ $(systemctl show -P NRestarts vikunja-backend@blue) -ge 3 ] && break; sleep 0.3; done; sleep 0.3",
        end: "cd /opt/vikunja/blue/ && mv good vikunja && systemctl restart vikunja-backend@blue",
        says: "backend crashes again and again",
        code: 10,
        remedy: "journalctl",
    },
    Condition {
        name: "proxy crashed",
        begin: "systemctl kill -s KILL nginx; sleep 0.5",
        end: "",
        says: "proxy has crashed and stays down",
        code: 10,
        remedy: "systemctl restart nginx.service",
    },
    Condition {
        name: "busy port",
        begin: SQUAT,
        end: "",
        says: "127.0.0.1:3456 belongs to vikunja-backend@blue.service, but `perl`",
        code: 10,
        remedy: "systemctl stop squatter.service",
    },
    Condition {
        name: "wrong version",
        begin: "sed -i.kept 's/2[.]5[.]0/2.4.0/' /var/lib/homeport/state.json",
        end: "mv /var/lib/homeport/state.json.kept /var/lib/homeport/state.json",
        says: "backend is version v2.5.0, but the state of the instance says 2.4.0",
        code: 10,
        remedy: "homeport history",
    },
    Condition {
        name: "database taken away",
        begin: "mv /var/lib/vikunja/db/g1/vikunja.db /var/lib/vikunja/vikunja.db.away",
        end: "mv /var/lib/vikunja/vikunja.db.away /var/lib/vikunja/db/g1/vikunja.db",
        says: "was taken away under the app, which still has it open as /var/lib/vikunja/vikunja.db.away",
        code: 10,
        remedy: "Put the file back",
    },
    Condition {
        name: "database gone",
        begin: "systemctl stop vikunja-backend@blue && mv /var/lib/vikunja/db/g1 /var/lib/vikunja/db/away",
        end: "mv /var/lib/vikunja/db/away /var/lib/vikunja/db/g1 && systemctl start vikunja-backend@blue",
        says: "The database /var/lib/vikunja/db/g1/vikunja.db is gone",
        code: 10,
        remedy: "Put it back",
    },
    Condition {
        name: "files not writable",
        begin: "chown root /var/lib/vikunja/files",
        end: "chown vikunja /var/lib/vikunja/files",
        says: "backend cannot write to /var/lib/vikunja/files",
        code: 10,
        remedy: "ls -ld /var/lib/vikunja/files",
    },
    Condition {
        name: "disk at 91 %",
        begin: FILL,
        end: "rm /var/filler",
        says: "/ has 8 % free",
        code: 10,
        remedy: "apt-get clean",
    },
    Condition {
        name: "memory at 85 %",
        begin: HOG,
        end: "systemctl stop hog",
        says: "% of 1024 MiB memory are in use",
        code: 0,
        remedy: "ps -eo rss",
    },
    Condition {
        name: "certificate, 3 days",
        begin: EXPIRING,
        end: "rm -r /etc/nginx/homeport && mv /root/pairs /etc/nginx/homeport",
        says: "The certificate at 127.0.0.1:443 expires within",
        code: 0,
        remedy: "Get a new one from whoever issued this one",
    },
];

impl Condition {
    /// It is so from here on.
    pub fn begin(&self, id: &str) {
        inside(id, self.begin);
    }

    /// It is so no longer, if it takes more than the remedies.
    pub fn end(&self, id: &str) {
        if !self.end.is_empty() {
            inside(id, self.end);
        }
    }
}
