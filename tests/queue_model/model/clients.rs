//! What clients are answered: who joins what, whose turn it is, what has no room, and who still wants a build.

use shared::{
    job::Status,
    store::jobs::{Cancelled, Left},
};

use super::{
    super::steps::{How, LIMITS},
    Answer, Model, Row,
};

impl Model {
    pub(super) fn ask(&mut self, client: u8, layout: u8, how: How) -> Answer {
        let what = (layout, self.controller);
        let turn = self.next_turn_of(client);
        let same = self.rows.iter_mut().filter(|row| row.what == what);
        for row in same.filter(|row| row.answer_is_old) {
            row.kept = false;
        }
        let answers = |row: &Row| row.what == what && row.answers();
        let known = self.rows.iter().position(answers);
        if known.is_none()
            && let Some(refused) = self.no_room(client, how)
        {
            return refused;
        }
        let joined = known.map(|build| self.rows[build].status);
        let build = known.unwrap_or_else(|| {
            self.rows.push(Row::new(what, client, turn));
            self.rows.len() - 1
        });
        let row = &mut self.rows[build];
        row.takes_the_better_turn(client, turn);
        let has_token = how == How::UntilItLeaves && !row.status.is_final();
        if has_token {
            row.staying.insert(self.tokens.len());
            row.has_told.insert(client);
            self.tokens.push(build);
        } else if !row.status.is_final() || !row.has_told.contains(&client) {
            // Who is given an answer that was there has it from then on, and its submitter no more alone.
            row.is_held_for_good = true;
        }
        self.count(client, what);
        Answer::Asked {
            build,
            joined,
            has_token,
        }
    }

    /// One after the client's last that waits or was served, and never one that has passed.
    fn next_turn_of(&self, client: u8) -> i64 {
        let own = self.rows.iter().filter(|row| row.client == client);
        let waiting = own.filter(|row| row.status == Status::Queued);
        let last = waiting.map(|row| row.turn).max();
        let last = last.max(self.served.get(&client).copied());
        self.turn.max(last.map_or(0, |last| last + 1))
    }

    fn no_room(&self, client: u8, how: How) -> Option<Answer> {
        let waiting = self.rows.iter().filter(|row| row.status == Status::Queued);
        let of_client = waiting.clone().filter(|row| row.client == client).count();
        if how == How::AsOperator {
            None
        } else if of_client >= LIMITS.per_client as usize {
            Some(Answer::TooManyOfClient)
        } else if waiting.count() >= LIMITS.in_all as usize {
            Some(Answer::TooManyInAll)
        } else {
            None
        }
    }

    fn count(&mut self, client: u8, what: (u8, usize)) {
        let counted = &mut self.counted;
        counted.asked += 1;
        counted.builds.insert(what);
        counted.clients.insert(client);
        *counted.layouts.entry(what.0).or_default() += 1;
        *counted.controllers.entry(what.1).or_default() += 1;
    }

    pub(super) fn leave(&mut self, token: usize, build: usize) -> Left {
        if self.tokens[token] != build {
            return Left::UnknownToken;
        }
        let row = &mut self.rows[build];
        row.staying.remove(&token);
        if row.wanted_by() == 0 && row.cancel() == Cancelled::Yes {
            Left::AndCancelled
        } else {
            Left::Yes
        }
    }
}
