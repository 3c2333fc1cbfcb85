//! Users and groups as `/etc/passwd` and `/etc/group` name them. A static program has no name service to ask, and what
//! Homeport makes users for is always in these files.

use std::fs;

use crate::run::{Fault, FaultKind};

/// One line of `/etc/passwd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub uid: u32,
    pub gid: u32,
    pub home: String,
}

/// The account of a user, given by name or number.
pub(super) fn account(user: &str) -> Result<Account, Fault> {
    account_in(&read("/etc/passwd")?, user).ok_or_else(|| unknown("user", user, "/etc/passwd"))
}

/// User and group numbers of `user:group`, names or numbers.
pub(super) fn numbers(owner: &str) -> Result<(u32, u32), Fault> {
    let Some((user, group)) = owner.split_once(':') else {
        let why = format!("the owner `{owner}` is not `user:group`");
        return Err(Fault::new(FaultKind::Failed, why));
    };
    let uid = match user.parse() {
        Ok(uid) => uid,
        Err(_) => account(user)?.uid,
    };
    let gid = match group.parse() {
        Ok(gid) => gid,
        Err(_) => group_in(&read("/etc/group")?, group)
            .ok_or_else(|| unknown("group", group, "/etc/group"))?,
    };
    Ok((uid, gid))
}

/// `name:password:uid:gid:comment:home:shell`, passwd(5). Lines of any other form name nobody.
fn account_in(passwd: &str, user: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, _, home, _] = fields.as_slice() else {
            return None;
        };
        (*name == user || *uid == user).then_some(Account {
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            home: (*home).to_owned(),
        })
    })
}

/// `name:password:gid:members`, group(5).
fn group_in(group: &str, wanted: &str) -> Option<u32> {
    group.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, gid, _] = fields.as_slice() else {
            return None;
        };
        (*name == wanted).then(|| gid.parse().ok()).flatten()
    })
}

fn read(path: &str) -> Result<String, Fault> {
    let bytes = fs::read(path).map_err(|error| {
        Fault::new(
            FaultKind::Failed,
            format!("`{path}` cannot be read: {error}"),
        )
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn unknown(what: &str, name: &str, file: &str) -> Fault {
    Fault::new(
        FaultKind::Resources,
        format!("there is no {what} `{name}` in {file}"),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nbroken:x\nbad:x:many:1::/:/bin/sh\n\
                          vikunja:x:998:997::/var/lib/vikunja:/usr/sbin/nologin\n";

    #[test]
    fn an_account_is_found_by_name_or_number() {
        let account = account_in(PASSWD, "vikunja").unwrap();
        assert_eq!((account.uid, account.gid), (998, 997));
        assert_eq!(account.home, "/var/lib/vikunja");
        assert_eq!(account_in(PASSWD, "998"), Some(account));
        for nobody in ["", "broken", "bad", "vikunj", "x"] {
            assert_eq!(account_in(PASSWD, nobody), None, "{nobody}");
        }
    }

    #[test]
    fn owners_are_names_or_numbers() {
        assert_eq!(numbers("root:root").unwrap(), (0, 0));
        assert_eq!(numbers("12:34").unwrap(), (12, 34));
        assert_eq!(group_in("adm:x:4:syslog\n", "adm"), Some(4));
        for refused in [
            "root",
            "nobody-of-that-name:root",
            "root:no-such-group",
            ":",
        ] {
            assert!(numbers(refused).is_err(), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[a-z0-9:\\n]{0,80}", name in "[a-z0-9:]{0,4}") {
            let _ = (account_in(&text, &name), group_in(&text, &name));
        }
    }
}
