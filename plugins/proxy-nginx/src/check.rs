//! What a site may contain, so that its words can stand in nginx's configuration unquoted.
//! Everything else is refused here, before a line is written.

use homeport_plugin_api::{
    Answer, Refusal,
    wire::proxy::{Carries, Site, Upstream},
};

/// Refuses a site whose words could mean something to nginx, or that has nowhere to send a request.
pub(crate) fn site(site: &Site) -> Answer<()> {
    word("the instance's name", &site.instance, "-")?;
    if site.names.is_empty() {
        return Err(Refusal::invalid(
            "the site has no name",
            "give a domain or an IP address",
        ));
    }
    for name in &site.names {
        word("the name", name, ".:-")?;
    }
    for upstream in &site.upstreams {
        word("the component", &upstream.component, "-")?;
        path("the prefix", &upstream.prefix)?;
        path("the socket", &upstream.socket)?;
    }
    for rule in &site.streams {
        path("the stream's path", &rule.path)?;
    }
    reachable(site)
}

fn word(what: &str, text: &str, also: &str) -> Answer<()> {
    let right = !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || also.contains(c));
    refuse_unless(right, what, text, &format!("letters, digits and {also}"))
}

fn path(what: &str, text: &str) -> Answer<()> {
    let right = text.starts_with('/')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "/._~-".contains(c));
    refuse_unless(
        right,
        what,
        text,
        "a leading slash, letters, digits and /._~-",
    )
}

fn refuse_unless(right: bool, what: &str, text: &str, wanted: &str) -> Answer<()> {
    if right {
        return Ok(());
    }
    Err(Refusal::invalid(
        format!("{what} {text:?} has other characters than allowed"),
        format!("use only {wanted}"),
    ))
}

fn reachable(site: &Site) -> Answer<()> {
    let same = |a: &Upstream, b: &Upstream| a.component == b.component && a.carries == b.carries;
    let twice = site.upstreams.iter().enumerate().find(|(index, one)| {
        site.upstreams
            .iter()
            .skip(index + 1)
            .any(|other| same(one, other))
    });
    if let Some((_, one)) = twice {
        let because = format!(
            "the component `{}` has two sockets for the same",
            one.component
        );
        return Err(Refusal::invalid(because, "give it one"));
    }
    let has_requests = |component: &str| {
        site.upstreams
            .iter()
            .any(|u| u.component == component && u.carries == Carries::Requests)
    };
    let mut asked = site
        .streams
        .iter()
        .map(|rule| &rule.component)
        .chain(site.upstreams.iter().map(|u| &u.component));
    if let Some(lost) = asked.find(|component| !has_requests(component)) {
        let because = format!("the component `{lost}` has no socket for requests");
        return Err(Refusal::invalid(because, "give it one"));
    }
    match site
        .upstreams
        .iter()
        .any(|u| u.prefix == "/" && u.carries == Carries::Requests)
    {
        true => Ok(()),
        false => Err(Refusal::invalid(
            "no component takes the prefix `/`",
            "give one component that prefix",
        )),
    }
}
