//! The command line.

pub(crate) const USAGE: &str = "\
usage: chat [--session ID] [--db PATH-OR-URL] [--show] [MESSAGE]

  --session ID       whose conversation to continue (default: default)
  --db PATH-OR-URL   where it is kept: a file, or sqlite:PATH (default: PERSQL_DATABASE, or chat.db)
  --show             print the stored items, one JSON text a line
  MESSAGE            what to say";

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) session: String,
    pub(crate) db: Option<String>,
    pub(crate) show: bool,
    pub(crate) message: Option<String>,
}

impl Arguments {
    pub(crate) fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut read = Arguments { session: "default".to_owned(), db: None, show: false, message: None };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--session" => read.session = value()?,
                "--db" => read.db = Some(value()?),
                "--show" => read.show = true,
                option if option.starts_with("--") => return Err(format!("there is no option {option}")),
                _ if read.message.is_some() => return Err("the message is one argument: put it in quotes".to_owned()),
                _ => read.message = Some(argument),
            }
        }
        if read.message.is_none() && !read.show {
            return Err("say something, or ask for --show".to_owned());
        }
        Ok(read)
    }
}
