//! What the plugin writes, as people will read it.

use homeport_plugin_api::{
    Proxy,
    wire::{
        Facts,
        conversation::{Context, Output},
        proxy::{Carries, Certificate, Purpose, Site, StreamRule, Upstream},
        step::{Content, Step},
    },
};
use serde_json::json;

use crate::Nginx;

pub(crate) fn site() -> Site {
    let upstream = |component: &str, carries, prefix: &str, socket: &str| Upstream {
        component: component.to_owned(),
        carries,
        prefix: prefix.to_owned(),
        socket: format!("/run/homeport/todo/{socket}.sock"),
    };
    Site {
        instance: "todo".to_owned(),
        names: vec!["todo.example.org".to_owned(), "192.0.2.7".to_owned()],
        http_port: 80,
        https_port: 443,
        internal_port: 8480,
        upstreams: vec![
            upstream("backend", Carries::Requests, "/", "backend"),
            upstream("backend", Carries::Streams, "/", "backend-streams"),
            upstream("backend", Carries::Probes, "/", "backend-probes"),
            upstream("mcp", Carries::Requests, "/mcp/", "mcp"),
        ],
        streams: vec![
            StreamRule {
                component: "backend".to_owned(),
                path: "/api/v1/ws".to_owned(),
                exact: true,
            },
            StreamRule {
                component: "mcp".to_owned(),
                path: "/mcp/sse".to_owned(),
                exact: false,
            },
        ],
        max_body_bytes: 23_068_672,
        read_timeout_seconds: 330,
        stream_timeout_seconds: 3600,
        waiting: 4096,
    }
}

fn context(facts: serde_json::Value) -> Context {
    let facts = facts.as_object().cloned().unwrap_or_default();
    Context {
        settings: Facts::new(),
        user: "todo".to_owned(),
        facts,
    }
}

fn given() -> Certificate {
    Certificate::Given {
        chain: "-----BEGIN CERTIFICATE-----\n".to_owned(),
        key: "tls_key".to_owned(),
    }
}

fn self_signed() -> Certificate {
    Certificate::SelfSigned { days: 825 }
}

/// A plan as one line per step.
fn told(steps: &[Step]) -> String {
    let line = |step: &Step| match step {
        Step::File(file) => format!(
            "file {} {} {}:{}",
            file.path, file.mode, file.owner, file.group
        ),
        Step::Directory(made) => format!(
            "dir  {} {} {}:{}",
            made.path, made.mode, made.owner, made.group
        ),
        Step::Run(run) => format!("run  {}", run.argv.join(" ")),
        Step::Service(service) => format!("unit {} {:?}", service.unit, service.action),
        Step::Require(require) => format!("need {} {:?}", require.name, require.is),
    };
    steps.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn text_of(steps: &[Step], path: &str) -> String {
    let text = steps.iter().find_map(|step| match step {
        Step::File(file) if file.path == path => match &file.content {
            Content::Text(text) => Some(text.clone()),
            Content::Secret(_) => None,
        },
        _ => None,
    });
    text.unwrap_or_else(|| panic!("no file {path}"))
}

#[test]
fn the_configuration() {
    let steps = Nginx.site(&site(), &given(), &context(json!({}))).unwrap();
    insta::assert_snapshot!("nginx_conf", text_of(&steps, "/etc/nginx/nginx.conf"));
    insta::assert_snapshot!(
        "site_conf",
        text_of(&steps, "/etc/nginx/homeport/site.conf")
    );
    insta::assert_snapshot!("plan_of_a_first_site", told(&steps));
}

#[test]
fn a_running_nginx_with_enough_room_is_not_restarted() {
    let first = Nginx.site(&site(), &given(), &context(json!({}))).unwrap();
    let limits = text_of(&first, "/etc/systemd/system/nginx.service.d/homeport.conf");
    let take_over = |facts| {
        told(&Nginx.site(&site(), &given(), &context(facts)).unwrap()[..])
            .lines()
            .rev()
            .nth(1)
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        take_over(json!({"running": true, "limits": limits})),
        "unit nginx.service Reload"
    );
    assert_eq!(
        take_over(json!({"running": false, "limits": limits})),
        "unit nginx.service Restart"
    );
    assert_eq!(
        take_over(json!({"running": true, "limits": "LimitNOFILE=1024"})),
        "unit nginx.service Restart"
    );
}

#[test]
fn too_few_files_are_found_before_anything_is_written() {
    let refusal = Nginx
        .site(&site(), &given(), &context(json!({"hard_limit": 4096})))
        .unwrap_err();
    insta::assert_snapshot!(refusal.to_string(), @"this guest allows 4096 open files per process, nginx needs 13568. raise the container's limit: `lxc.prlimit.nofile: 13568`.");
    Nginx
        .site(&site(), &given(), &context(json!({"hard_limit": 524_288})))
        .unwrap();
}

#[test]
fn the_pair_being_read_is_never_the_one_replaced() {
    for second in 0..240 {
        let clock = 1_800_000_000 + second;
        let steps = Nginx
            .certificate(&site(), &given(), &context(json!({"clock": clock})))
            .unwrap();
        let mut now: u64 = clock;
        let mut replaced = Vec::new();
        for step in &steps {
            let Step::Run(run) = step else { continue };
            match run.argv[0].as_str() {
                "sleep" => now += run.argv[1].parse::<u64>().unwrap(),
                "install" => {
                    let pair = run.argv.last().unwrap().clone();
                    // Right now and if everything runs half a minute late.
                    for late in [0, 29] {
                        let read = if ((now + late) / 60).is_multiple_of(2) {
                            "a/"
                        } else {
                            "b/"
                        };
                        assert!(
                            !pair.ends_with(read),
                            "{pair} at second {second}, {late} s late"
                        );
                    }
                    replaced.push(pair);
                }
                _ => {}
            }
        }
        replaced.sort();
        assert_eq!(
            replaced,
            ["/etc/nginx/homeport/a/", "/etc/nginx/homeport/b/"]
        );
        assert!(now - clock <= 100, "took {} s", now - clock);
    }
}

#[test]
fn a_self_signed_certificate_for_the_same_names_is_kept() {
    let output = |names: &str| Output {
        exit: 0,
        stdout: format!(
            "subject=CN = todo\nissuer=CN = todo\nX509v3 Subject Alternative Name: \n    {names}\n"
        ),
    };
    let purpose = Purpose::Site {
        site: Box::new(site()),
        certificate: self_signed(),
    };
    let read = |names| {
        Nginx
            .read(&purpose, "self_signed_for", &output(names))
            .unwrap()
    };
    let makes = |facts: Facts| {
        let context = Context {
            facts,
            ..context(json!({}))
        };
        told(&Nginx.site(&site(), &self_signed(), &context).unwrap()).contains("openssl req")
    };
    assert!(!makes(read("DNS:todo.example.org, IP Address:192.0.2.7")));
    assert!(makes(read("DNS:other.example.org, IP Address:192.0.2.7")));
    assert!(makes(Facts::new()));
}

#[test]
fn another_s_certificate_is_not_taken_for_a_self_signed_one() {
    let stdout =
        "subject=CN = todo\nissuer=CN = Real CA\n    DNS:todo.example.org, IP Address:192.0.2.7\n"
            .to_owned();
    let purpose = Purpose::Site {
        site: Box::new(site()),
        certificate: self_signed(),
    };
    assert_eq!(
        Nginx
            .read(&purpose, "self_signed_for", &Output { exit: 0, stdout })
            .unwrap(),
        Facts::new()
    );
}

#[test]
fn words_that_could_mean_something_to_nginx_are_refused() {
    let refused = |change: fn(&mut Site)| {
        let mut site = site();
        change(&mut site);
        Nginx
            .site(&site, &given(), &context(json!({})))
            .unwrap_err()
            .to_string()
    };
    assert!(refused(|s| s.names[0] = "a.org;} evil".to_owned()).contains("the name"));
    assert!(refused(|s| s.names.clear()).contains("no name"));
    assert!(refused(|s| s.upstreams[0].socket = "/run/a b".to_owned()).contains("the socket"));
    assert!(refused(|s| s.upstreams[0].prefix = "/{".to_owned()).contains("the prefix"));
    assert!(refused(|s| s.streams[0].path = "/$uri".to_owned()).contains("the stream's path"));
    assert!(refused(|s| s.streams[0].component = "lost".to_owned()).contains("`lost`"));
    assert!(refused(|s| s.upstreams[0].prefix = "/app/".to_owned()).contains("prefix `/`"));
    assert!(refused(|s| s.upstreams[3].component = "backend".to_owned()).contains("two sockets"));
    assert!(refused(|s| s.instance = "a\nb".to_owned()).contains("the instance's name"));
}

#[test]
fn it_keeps_the_contract() {
    homeport_plugin_api::conformance::assert_conforms(&mut homeport_plugin_api::ProxyDoor(Nginx));
}
