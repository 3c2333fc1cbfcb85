//! Fourth stage: the app is asked through its public address, over TLS, from outside the guest. Then Commit.

use homeport_engine::fingerprint::Fingerprint;
use homeport_engine::op::Op;
use homeport_engine::plan::Step;
use homeport_engine::probe::{Call, Check, HttpCheck, Probe, Via};
use homeport_plugin_api::wire::step;

use super::{Deploy, DeployError, first_login};
use crate::places;
use crate::plan::{absent, described, file, parts, registered};
use crate::recipe::{Component, Expect};
use crate::state::{State, Status};

pub(super) fn before(
    deploy: &Deploy<'_>,
    certificate: &str,
    verify: &[step::Step],
) -> Result<Vec<Step>, DeployError> {
    let mut steps: Vec<Step> =
        parts::in_candidate(deploy.proxy_for("verify").steps(verify)?).collect();
    let port = deploy.settings.services.frontend.ssl_port;
    for endpoint in deploy.settings.network.endpoints(port) {
        let address = endpoint.to_string();
        if endpoint.is_ipv4() || deploy.neighbour6 {
            steps.extend(from_outside(deploy, &address, certificate)?);
            continue;
        }
        // The host has no address in that network; the guest itself sees that its own is served.
        let probe = Probe {
            check: Check::Tcp {
                address: address.clone(),
            },
            deadline_ms: DEADLINE_MS,
            interval_ms: 250,
            unit: None,
        };
        steps.push(Step::guest(format!("Ask {address}"), Op::Probe(probe)));
    }
    steps.extend(first_login::proven(deploy, certificate));
    Ok(steps)
}

/// Time for an answer from outside.
const DEADLINE_MS: u32 = 20_000;

/// Every component's expectations, asked at one address over TLS.
fn from_outside(
    deploy: &Deploy<'_>,
    address: &str,
    certificate: &str,
) -> Result<Vec<Step>, DeployError> {
    let via = Via::Tls {
        address: address.to_owned(),
        roots: certificate.to_owned(),
    };
    let mut steps = Vec::new();
    for component in &deploy.recipe.recipe.components {
        let expects = component.expects.iter();
        for expect in expects.filter(|expect| component.proxied(&expect.path)) {
            let check = expected(deploy, component, expect, via.clone())?;
            let probe = Probe {
                check: Check::Http(check),
                deadline_ms: DEADLINE_MS,
                interval_ms: 250,
                unit: None,
            };
            let title = format!(
                "Ask {}{} from outside, at {address}",
                deploy.settings.public_url(),
                expect.path
            );
            steps.push(Step::host(title, Op::Probe(probe)));
        }
    }
    Ok(steps)
}

/// A recipe's expectation as a check.
pub(super) fn expected(
    deploy: &Deploy<'_>,
    component: &Component,
    expect: &Expect,
    via: Via,
) -> Result<HttpCheck, DeployError> {
    let body = expect.body.clone().unwrap_or_default();
    let json_equals = match body.json {
        Some(json) => Some((json.pointer, deploy.said(component, &json.equals)?)),
        None => None,
    };
    Ok(HttpCheck {
        via,
        host: deploy.settings.network.domain.clone(),
        path: expect.path.clone(),
        call: expect.post.as_ref().map(|post| Call {
            headers: post.headers.clone(),
            body: post.body.clone(),
        }),
        status: expect.status,
        body_contains: body.contains.or(body.is),
        json_equals,
        post: None,
    })
}

pub(super) fn after(deploy: &Deploy<'_>, fingerprint: Option<&Fingerprint>) -> Vec<Step> {
    let state = state(deploy, Status::Running, fingerprint);
    vec![
        Step::guest(
            "Write down that it runs",
            file(places::guest::STATE, 0o644, state.to_json()),
        ),
        registered(&deploy.registered(fingerprint)),
        described(&deploy.spec.identity, &state),
        Step::host(
            "Remove what was fetched",
            absent(deploy.operation.staging()),
        ),
    ]
}

/// The instance's state, as the guest keeps it.
pub(super) fn state(
    deploy: &Deploy<'_>,
    status: Status,
    fingerprint: Option<&Fingerprint>,
) -> State {
    State {
        schema: crate::state::SCHEMA,
        instance: deploy.operation.guest.instance.clone(),
        app: deploy.app_name().to_owned(),
        title: deploy.recipe.recipe.title.clone(),
        status,
        version: deploy.version.to_owned(),
        commit: deploy.revision.map(|revision| revision.commit.clone()),
        release: None,
        active_colour: deploy.colour,
        epoch: 1,
        fingerprint: fingerprint.cloned(),
        generation: 1,
        url: deploy.settings.public_url(),
        homeport: deploy.program.version.clone(),
        previous: None,
        last_operation: deploy.operation.noted(),
        rest: serde_json::Map::new(),
    }
}
