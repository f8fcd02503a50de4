//! What a program does with `persql-history`.

use persql_conformance::{Any, faults::Random};
use persql_history::{Message, PerSqlHistoryProvider, Result};

/// Runs of an agent in a few sessions, each loaded, stored and now and then compacted. Gives what each call gave.
pub(crate) fn work(db: &Any, random: &mut Random, operations: u64) -> Result<Vec<String>> {
    let provider = PerSqlHistoryProvider::new(db.clone());
    let mut told = Vec::new();
    for number in 0..operations {
        let session = random.one_of(&["ada", "bob", "it's \"eve\""]);
        let (input, outputs) = turn(number, random.below(3));
        let id = format!("operation {number}");
        told.push(match random.below(20) {
            0..6 => {
                let run = provider.before_run(session, &input)?;
                format!("{:?}", provider.after_run(&run, &outputs)?.stored())
            }
            6..10 => format!("{:?}", provider.save_messages(session, &outputs)?.stored()),
            10..13 => {
                let tail = provider.get_messages(session)?.tail().clone();
                format!("{:?}", provider.save_messages_after(&tail, &outputs)?.stored())
            }
            13..16 => format!("{:?}", provider.operation(id).save_messages(session, &outputs)?.stored()),
            16 => format!("{:?}", provider.get_messages(session)?.len()),
            17 => {
                let history = provider.get_messages(session)?;
                format!("{:?}", provider.operation(id).replace(&history, &input)?)
            }
            18 => format!("{:?}", provider.trim(session, 30)?),
            _ => format!("{:?}", provider.clear(session)?),
        });
    }
    Ok(told)
}

pub(crate) fn turn(number: u64, more: u64) -> (Vec<Message>, Vec<Message>) {
    let output =
        |part| Message::assistant(&format!("answer {number}.{part}")).with_message_id(&format!("{number}.{part}"));
    (vec![Message::user(&format!("question {number}"))], (0..=more).map(output).collect())
}
