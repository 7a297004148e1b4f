//! How an edition is closed before it is taken out of the chain: no new sessions, then no sessions. Until the first table is changed
//! this can be called off.

use super::{
    patience::Patience,
    runner::{Runner, Tally, drain_setting, in_use},
};
use crate::{
    error::{Error, ErrorKind, Result},
    model::{Edition, EditionId, EditionName, EditionState},
    plan::{Lock, Step, StepKind},
    sql,
    sql::Literal,
    store::{self, OperationState},
    target::Connection,
};

/// Refuses to close an edition that is in use when its sessions were given no time to leave: then not even idle ones are ended.
pub(super) async fn refuse_if_used(
    connection: &mut Connection,
    edition: &Edition,
    patience: Patience,
) -> Result<()> {
    if patience.drain.is_some() || patience.force {
        return Ok(());
    }
    // Proxies write down their sessions before they acknowledge an epoch.
    let transaction = connection.transaction().await?;
    let epoch = store::bump_epoch(&transaction).await?;
    transaction.commit().await?;
    store::wait_for_acknowledgement(&**connection, epoch, patience.proxies).await?;
    let sessions = store::proxy_sessions(&**connection, Some(edition.id)).await?;
    if sessions.is_empty() { Ok(()) } else { Err(in_use(&edition.name, &sessions)) }
}

/// Announce that the edition is going, then wait until nobody uses it.
pub(super) fn closing(edition: EditionId, state: EditionState, name: &EditionName) -> Vec<Step> {
    let setting = drain_setting(edition);
    let set = sql!(
        "INSERT INTO edition.settings (name, value) VALUES ({}, 'idle') ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        Literal(&setting)
    );
    let unset = sql!("DELETE FROM edition.settings WHERE name = {}", Literal(&setting));
    let kind = StepKind::Announce {
        statements: vec![set],
        states: vec![(edition, state)],
        states_before: vec![(edition, EditionState::Live)],
    };
    vec![
        Step::new(format!("close edition {name}"), kind, Lock::None, Vec::new()).undone_by(vec![unset]),
        Step::new(
            format!("wait for sessions of edition {name}"),
            StepKind::Drain { edition },
            Lock::None,
            Vec::new(),
        ),
    ]
}

/// How many steps at the start change nothing but who may connect; from the next one on there is no way back.
fn harmless(steps: &[Step]) -> usize {
    let is_harmless = |step: &&Step| {
        matches!(
            step.kind,
            StepKind::Announce { .. }
                | StepKind::Drain { .. }
                | StepKind::Save { .. }
                | StepKind::Verify { .. }
        )
    };
    steps.iter().take_while(is_harmless).count()
}

/// Runs the steps to the operation's end, or as [`run_or_call_off`] says.
pub(super) async fn close(mut runner: Runner<'_>, steps: &[Step]) -> Result<Tally> {
    run_or_call_off(&mut runner, steps).await?;
    store::finish_operation(&*runner.connection, runner.operation, OperationState::Done).await?;
    Ok(runner.tally)
}

/// Runs the steps. If the edition cannot be emptied of sessions, or the first table not be locked, it is opened again and the operation is over;
/// once a table has changed, an interrupted operation waits to be resumed.
async fn run_or_call_off(runner: &mut Runner<'_>, steps: &[Step]) -> Result<()> {
    let Err(error) = runner.run(steps).await else {
        let setting = drain_setting(runner.edition.id);
        return store::delete_setting(&*runner.connection, &setting).await;
    };
    if runner.connection.is_closed() || runner.is_past(steps, harmless(steps)).await? {
        return Err(error);
    }
    if error.kind() != ErrorKind::Bug {
        store::set_operation_state(&*runner.connection, runner.operation, OperationState::Undoing).await?;
        runner.undo(steps).await?;
        store::finish_operation(&*runner.connection, runner.operation, OperationState::Undone).await?;
    }
    let hint = error.hint().map(str::to_owned);
    let called_off =
        Error::new(error.kind(), format!("{error}; the edition stays as it was")).with_source(error);
    Err(match hint {
        Some(hint) => called_off.with_hint(hint),
        None => called_off,
    })
}
