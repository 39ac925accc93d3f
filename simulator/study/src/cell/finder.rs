//! The best machine for a request by a policy, without asking about every machine every time.
//!
//! A score is as good as long as its machine does not change. So each request keeps the scores of
//! all machines and a tournament over them (a binary tree, each node holding the better of its two
//! children); when it is asked for the best, only machines that changed since it was asked before
//! are scored again, each in one comparison per level. Exact: the answer is that of a full scan
//! (property-tested against one). Borg's score cache and equivalence classes (Verma et al.,
//! EuroSys'15, section 3.4) are the same idea, with versions instead of tolerances.
//!
//! A policy that goes by lot has no scores; it draws among the machines that have room.

use super::{
    Cell, MachineId, Request, RequestId, Requests, Tie,
    survey::{Fitting, Survey},
};
use master_core::placement::{Placement, Score, devices::Ask};

/// Draws among all machines before those that have room are listed.
const DRAWS: usize = 32;

/// No machine.
const NONE: MachineId = MachineId::MAX;

/// What was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The machine.
    pub machine: MachineId,
    /// Of which of its GPUs a part of one comes.
    pub gpu: Option<usize>,
}

/// Finds machines by a policy.
#[derive(Debug)]
pub struct Finder {
    policy: Box<dyn Placement>,
    tie: Tie,
    /// Whether the last choice was made by lot.
    by_lot: bool,
    by_request: Vec<Option<Tournament>>,
}

/// All machines' scores for one request, and who wins.
#[derive(Debug)]
struct Tournament {
    /// Changes of the cell that it knows.
    seen: usize,
    /// Scores; `None` where there is no room.
    scores: Vec<Option<Score>>,
    /// Node 1 is the root; node n has the children 2n and 2n + 1; the second half are machines.
    winners: Vec<MachineId>,
    /// With how many equals, where ties are drawn; otherwise empty.
    equals: Vec<u32>,
}

impl Finder {
    /// A policy with a rule for ties.
    pub fn new(policy: Box<dyn Placement>, tie: Tie) -> Self {
        Self { policy, tie, by_lot: false, by_request: Vec::new() }
    }

    /// The rule for ties.
    pub fn tie(&self) -> &Tie {
        &self.tie
    }

    /// Another policy decides from now on.
    pub fn decide_by(&mut self, policy: Box<dyn Placement>) {
        self.policy = policy;
        self.by_request.clear();
    }

    /// Ties are broken by another rule from now on.
    pub fn break_ties_by(&mut self, tie: Tie) {
        self.tie = tie;
        self.by_request.clear();
    }

    /// Whether the last choice was made by lot.
    pub fn went_by_lot(&self) -> bool {
        self.by_lot
    }

    /// All machines that have room for a request, with what the policy thinks of them now. It draws
    /// nothing.
    pub fn survey(&self, cell: &Cell, request: &Request) -> Survey {
        let fitting = cell.machines().filter(|machine| cell.fits(*machine, request));
        let fitting = fitting.map(|machine| Fitting {
            machine,
            score: self.policy.score(&cell.candidate(machine), Some(&request.shape)),
            place: self.tie.place(machine),
        });
        Survey { fitting: fitting.collect() }
    }

    /// The best machine for a request; `None` when no machine has room.
    pub fn best(&mut self, cell: &Cell, requests: &Requests, number: RequestId) -> Option<Choice> {
        let request = requests.get(number);
        let machine = match cell.len() {
            0 => return None,
            count => {
                let drawn = self.policy.draw(count);
                self.by_lot = drawn.is_some();
                match drawn {
                    Some(drawn) => self.draw(cell, request, drawn),
                    None => self.winner(cell, request, number),
                }
            }
        }?;
        let gpu = self.gpu(cell, machine, request);
        self.tie.was_chosen(machine);
        if self.tie.rule() == super::TieRule::LeastRecent {
            // Its place in the order has changed, for all requests.
            self.by_request
                .iter_mut()
                .flatten()
                .for_each(|it| it.place_changed(machine, &self.tie));
        }
        Some(Choice { machine, gpu })
    }

    /// Of which GPU of a machine that has room a part would come.
    pub(crate) fn gpu(
        &mut self,
        cell: &Cell,
        machine: MachineId,
        request: &Request,
    ) -> Option<usize> {
        let Ask::Part(part) = request.ask else { return None };
        let candidate = cell.candidate(machine);
        let fitting = candidate.gpus.iter().filter(|free| **free >= part).count();
        match self.policy.draw(fitting) {
            Some(drawn) => {
                let gpus = candidate.gpus.iter().enumerate();
                gpus.filter(|(_, free)| **free >= part).nth(drawn).map(|(index, _)| index)
            }
            None => self.policy.gpu(&candidate, &request.shape, part),
        }
    }

    /// A machine by lot: each one that has room is as likely as the others, whether it is hit by
    /// chance or listed.
    fn draw(&mut self, cell: &Cell, request: &Request, first: usize) -> Option<MachineId> {
        let mut drawn = first;
        for _ in 0..DRAWS {
            let machine = MachineId::try_from(drawn).expect("machines are numbered");
            if cell.fits(machine, request) {
                return Some(machine);
            }
            drawn = self.policy.draw(cell.len())?;
        }
        let machines = 0..MachineId::try_from(cell.len()).expect("machines are numbered");
        let fitting: Vec<_> = machines.filter(|machine| cell.fits(*machine, request)).collect();
        match fitting.len() {
            0 => None,
            count => self.policy.draw(count).map(|drawn| fitting[drawn]),
        }
    }

    fn winner(&mut self, cell: &Cell, request: &Request, number: RequestId) -> Option<MachineId> {
        let index = number as usize;
        if self.by_request.len() <= index {
            self.by_request.resize_with(index + 1, || None);
        }
        let (policy, tie) = (&*self.policy, &mut self.tie);
        let score = |machine| {
            let fits = cell.fits(machine, request);
            fits.then(|| policy.score(&cell.candidate(machine), Some(&request.shape)))
        };
        let tournament = &mut self.by_request[index];
        let up_to_date = tournament.take().and_then(|mut tournament| {
            for machine in cell.changes(tournament.seen)? {
                tournament.set(*machine, score(*machine), tie);
            }
            tournament.seen = cell.change_count();
            Some(tournament)
        });
        let tournament =
            tournament.insert(up_to_date.unwrap_or_else(|| Tournament::new(cell, score, tie)));
        tournament.winner(tie)
    }
}

impl Tournament {
    fn new(cell: &Cell, score: impl Fn(MachineId) -> Option<Score>, tie: &Tie) -> Self {
        let size = cell.len().next_power_of_two();
        let machines = 0..MachineId::try_from(cell.len()).expect("machines are numbered");
        let scores: Vec<_> = machines.map(score).collect();
        let mut winners = vec![NONE; 2 * size];
        for (machine, score) in scores.iter().enumerate() {
            if score.is_some() {
                winners[size + machine] = machine as MachineId;
            }
        }
        let draws = tie.rule() == super::TieRule::RandomEach;
        let equals = if draws { vec![1; 2 * size] } else { Vec::new() };
        let mut tournament = Self { seen: cell.change_count(), scores, winners, equals };
        (1..size).rev().for_each(|node| tournament.play(node, tie));
        tournament
    }

    /// A machine's score is another one.
    fn set(&mut self, machine: MachineId, score: Option<Score>, tie: &Tie) {
        self.scores[machine as usize] = score;
        let leaf = self.winners.len() / 2 + machine as usize;
        self.winners[leaf] = if score.is_some() { machine } else { NONE };
        self.play_up(leaf, tie);
    }

    /// A machine's place in the order is another one.
    fn place_changed(&mut self, machine: MachineId, tie: &Tie) {
        self.play_up(self.winners.len() / 2 + machine as usize, tie);
    }

    fn play_up(&mut self, leaf: usize, tie: &Tie) {
        let mut node = leaf / 2;
        while node > 0 {
            self.play(node, tie);
            node /= 2;
        }
    }

    /// The better of two children wins.
    fn play(&mut self, node: usize, tie: &Tie) {
        let (left, right) = (self.winners[2 * node], self.winners[2 * node + 1]);
        let (winner, equal) = match (left, right) {
            (NONE, other) | (other, NONE) => (other, false),
            _ => {
                let score = |machine: MachineId| self.scores[machine as usize];
                match score(left).cmp(&score(right)) {
                    std::cmp::Ordering::Greater => (left, false),
                    std::cmp::Ordering::Less => (right, false),
                    std::cmp::Ordering::Equal if tie.place(left) < tie.place(right) => (left, true),
                    std::cmp::Ordering::Equal => (right, true),
                }
            }
        };
        self.winners[node] = winner;
        if !self.equals.is_empty() {
            let (of_left, of_right) = (self.equals[2 * node], self.equals[2 * node + 1]);
            self.equals[node] = match (equal, winner == left) {
                (true, _) => of_left + of_right,
                (false, true) => of_left,
                (false, false) => of_right,
            };
        }
    }

    fn winner(&self, tie: &mut Tie) -> Option<MachineId> {
        let winner = self.winners[1];
        if winner == NONE {
            return None;
        }
        let Some(drawn) = self.equals.get(1).and_then(|count| tie.draw(*count)) else {
            return Some(winner);
        };
        // Down to the machine with this number among those that are as good.
        let (best, half) = (self.scores[winner as usize], self.winners.len() / 2);
        let (mut node, mut drawn) = (1, drawn);
        while node < half {
            let left = self.winners[2 * node];
            let of_left = match left != NONE && self.scores[left as usize] == best {
                true => self.equals[2 * node],
                false => 0,
            };
            node *= 2;
            if drawn >= of_left {
                drawn -= of_left;
                node += 1;
            }
        }
        Some(self.winners[node])
    }
}
