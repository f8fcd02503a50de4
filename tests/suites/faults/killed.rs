//! A server that is killed with SIGKILL between the commit and the answer, in a process of its own.

use persql_agents_session::PerSqlSession;
use persql_conformance::{
    Case, Outcome, cases,
    faults::{Fault, Faults, Rig},
};

use crate::agents_session::items;

pub(crate) fn cases() -> Vec<Case<Rig>> {
    cases![a_server_that_is_killed_before_its_answers_has_done_each_write_once]
}

fn a_server_that_is_killed_before_its_answers_has_done_each_write_once(rig: &Rig) -> Outcome {
    let rig = rig.of_a_process()?;
    let faults = (0..60).map(|number| if number % 3 == 1 { Fault::Killed } else { Fault::None });
    rig.proxy().plan(Faults::script(faults));
    let session = PerSqlSession::new(rig.patient_db()?, "ada");
    let mut expected = Vec::new();
    for number in 0..30 {
        session.add_items(&items(number, 1))?;
        expected.extend(items(number, 1));
        if number % 4 == 0 {
            assert_eq!(session.pop_item()?, expected.pop());
        }
    }
    assert_eq!(session.get_items(None)?, expected);
    assert!(rig.proxy().met().iter().filter(|&&fault| fault == Fault::Killed).count() > 10);
    Ok(())
}
