//! A recipe's settings in the words of the schema that plugins' settings have, too.

use homeport_plugin_api::wire::schema::{Field, FieldKind};

use super::{Setting, SettingType};

impl Setting {
    /// As the schema has it.
    ///
    /// # Errors
    /// Key and what is wrong there, as a clause.
    pub fn field(&self) -> Result<Field, (&'static str, String)> {
        let kind = self.kind()?;
        let mut field = Field {
            name: self.name.clone(),
            kind,
            required: self.required,
            default: None,
            help: self.help.clone(),
        };
        if let Some(text) = &self.default {
            if self.required {
                return Err((
                    "default",
                    "is given, but the setting is required".to_owned(),
                ));
            }
            let value = field.parse(text);
            field.default = Some(value.map_err(|problem| ("default", problem.message))?);
        }
        Ok(field)
    }

    fn kind(&self) -> Result<FieldKind, (&'static str, String)> {
        let only = |holds: bool, key: &'static str, of: &str| match holds {
            true => Ok(()),
            false => Err((key, format!("is for settings of type {of} only"))),
        };
        only(
            self.of.is_empty() || self.r#type == SettingType::Choice,
            "of",
            "choice",
        )?;
        let bare = self.min.is_none() && self.max.is_none();
        only(
            bare || self.r#type == SettingType::Integer,
            "min",
            "integer",
        )?;
        Ok(match self.r#type {
            SettingType::Text => FieldKind::Text,
            SettingType::Port => FieldKind::Port,
            SettingType::Path | SettingType::SecretFile => FieldKind::Path,
            SettingType::Flag => FieldKind::Flag,
            SettingType::Choice if self.of.is_empty() => {
                return Err(("type", "is choice, but `of` names no words".to_owned()));
            }
            SettingType::Choice => FieldKind::Choice {
                of: self.of.clone(),
            },
            SettingType::Integer => match (self.min, self.max) {
                (Some(min), Some(max)) if min <= max => FieldKind::Integer { min, max },
                _ => return Err(("type", "is integer, which needs `min` and `max`".to_owned())),
            },
        })
    }

    /// Whether it names a file that holds a secret.
    pub fn is_secret(&self) -> bool {
        self.r#type == SettingType::SecretFile
    }

    /// Name of the secret's file in the guest.
    pub fn secret(&self) -> String {
        self.name.replace('_', "-")
    }
}
