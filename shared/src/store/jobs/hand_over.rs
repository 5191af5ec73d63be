//! `running` stays `running` without a holder: its worker lets go, its container runs on.

use rusqlite::{Connection, params};

use super::{
    super::{Result, Store, millis, now, wake},
    MAX_TROUBLES,
    claim::Held,
    give_back::{pause_after, set_aside, troubles_of},
    history::{What, note},
};

/// Why a worker lets go of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LettingGo {
    /// It leaves: the next one may take the build on at once.
    Leaving,
    /// The engine does not say what became of the container: it is looked for after a pause.
    Trouble(String),
}

/// Lets go of a build whose container is written down, for the next worker on its engine. `false`: it was not this
/// worker's any more, is tried no more, or has no container to go on with.
///
/// # Errors
/// When the table cannot be written; its lease will end by itself.
pub async fn hand_over(store: &Store, held: &Held, why: LettingGo) -> Result<bool> {
    let for_work = held.clone();
    let handed_over = store
        .write(move |table| let_go(table, &for_work, &why))
        .await?;
    store.ring((wake::Role::Api, wake::Signal::Changed(held.id)));
    store.ring((wake::Role::Worker, wake::Signal::Queued));
    Ok(handed_over)
}

fn let_go(table: &Connection, held: &Held, why: &LettingGo) -> Result<bool> {
    let Some(troubles) = troubles_of(table, held)? else {
        return Ok(false);
    };
    if !has_container(table, held)? {
        return Ok(false);
    }
    let (troubles, pause) = match why {
        LettingGo::Leaving => {
            note(table, held, What::HandedOver, None)?;
            (troubles, 0)
        }
        LettingGo::Trouble(detail) => {
            note(table, held, What::Trouble, Some(detail))?;
            if troubles + 1 >= MAX_TROUBLES {
                set_aside(table, held, detail)?;
                return Ok(false);
            }
            (troubles + 1, millis(pause_after(troubles)))
        }
    };
    table
        .prepare_cached(
            "UPDATE jobs SET lease_owner = '', lease_until = ?2, troubles = ?3 WHERE id = ?1",
        )?
        .execute(params![held.id.to_string(), now() + pause, troubles])?;
    Ok(true)
}

fn has_container(table: &Connection, held: &Held) -> Result<bool> {
    Ok(table
        .prepare_cached("SELECT 1 FROM jobs WHERE id = ?1 AND container_epoch IS NOT NULL")?
        .exists([held.id.to_string()])?)
}
