//! What must hold of an app's own settings and of its first account.

use super::Check;
use crate::settings::FIELDS;

impl Check<'_> {
    pub(super) fn settings(&mut self) {
        let settings = &self.recipe.settings;
        let names = || settings.iter().map(|setting| setting.name.as_str());
        for (n, setting) in settings.iter().enumerate() {
            let at = |key: &str| format!("settings[{n}].{key}");
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            let word = setting.name.starts_with(|c: char| c.is_ascii_lowercase())
                && setting.name.chars().all(plain);
            self.must(word, &at("name"), || {
                format!("is {:?}, but must be lower-case letters, digits and underscores, a letter first", setting.name)
            });
            let taken = FIELDS
                .iter()
                .any(|field| field.name.replace('-', "_") == setting.name);
            self.must(!taken, &at("name"), || {
                "is the name of a setting that every deployment has".to_owned()
            });
            if let Err((key, why)) = setting.field() {
                self.must(false, &at(key), || why);
            }
            for (m, need) in setting.needs.iter().enumerate() {
                let at = at(&format!("needs[{m}]"));
                self.one_of(need, "setting", names(), &at);
            }
        }
        self.different(
            names()
                .enumerate()
                .map(|(n, name)| (format!("settings[{n}].name"), name)),
        );
        let secrets = settings
            .iter()
            .enumerate()
            .filter(|(_, setting)| setting.is_secret());
        let made = self.recipe.secrets.iter().enumerate();
        let made = made.map(|(n, secret)| (format!("secrets[{n}].name"), secret.name.clone()));
        let given = secrets.map(|(n, setting)| (format!("settings[{n}].name"), setting.secret()));
        self.different(made.chain(given));
    }

    pub(super) fn first_login(&mut self) {
        let Some(first) = &self.recipe.first_login else {
            return;
        };
        for (key, words) in [("create", &first.create), ("reset", &first.reset)] {
            let right = words.first().is_some_and(|word| word.starts_with('/'));
            self.must(right, &format!("first_login.{key}"), || {
                "must be a list of words, the absolute path of a program first".to_owned()
            });
        }
        self.must((1..=4).contains(&first.asks), "first_login.asks", || {
            format!("is {}, but must be from 1 to 4", first.asks)
        });
        let lengths = first.least >= 1 && first.least <= first.most && first.most <= 1024;
        self.must(lengths, "first_login.most", || {
            format!("is {}, but must be from `least` to 1024", first.most)
        });
        self.path(&first.log_in.path, "first_login.log_in.path");
    }
}
