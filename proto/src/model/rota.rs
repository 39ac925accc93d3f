//! Whose turn it is: which master a client tries next, and which one it asks about the leader.
//!
//! Knows what the settings named and what the last leader said, and no connection.

use super::Masters;

/// All masters that a client has heard of.
#[derive(Debug, Clone)]
pub struct Rota {
    /// As the settings have them.
    given: Vec<String>,
    /// As the last leader named them.
    heard: Masters,
    to_try: usize,
    to_ask: usize,
    /// Passed over once, since the others know better.
    passed_over: Option<String>,
}

impl Rota {
    /// `first` is the index of the master to begin with, so that clients spread.
    pub fn new(given: Vec<String>, first: usize) -> Self {
        let (heard, to_try, to_ask) = (Masters::default(), first, first);
        Self { given, heard, to_try, to_ask, passed_over: None }
    }

    /// A leader names all masters, as they are now.
    pub fn learn(&mut self, masters: &Masters) {
        self.heard.learn(masters);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.all().len()
    }

    /// Whom to try next, where nobody has named the leader; `None` when no master is known.
    pub fn next_to_try(&mut self) -> Option<String> {
        let all = self.all();
        let address = turn(&mut self.to_try, &all)?;
        match self.passed_over.take_if(|passed_over| *passed_over == address) {
            Some(_) => turn(&mut self.to_try, &all),
            None => Some(address),
        }
    }

    /// Whom to ask next who leads, in place of the one at this address.
    pub fn next_to_ask(&mut self, leader: &str) -> Option<String> {
        let mut others = self.all();
        others.retain(|address| address != leader);
        turn(&mut self.to_ask, &others)
    }

    /// The master at this address was tried or left just now: the others are to come first.
    pub fn pass_over(&mut self, address: &str) {
        self.passed_over = Some(address.to_owned());
    }

    fn all(&self) -> Vec<String> {
        self.heard.with_given(&self.given)
    }
}

fn turn(next: &mut usize, masters: &[String]) -> Option<String> {
    let index = next.checked_rem(masters.len())?;
    *next = index + 1;
    Some(masters[index].clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rota(given: &[&str], first: usize) -> Rota {
        Rota::new(given.iter().map(|&address| address.to_owned()).collect(), first)
    }

    #[test]
    fn each_has_its_turn_and_what_a_leader_says_comes_first() {
        let mut rota = rota(&["a:1", "b:1"], 1);
        let mut tried = || rota.next_to_try().unwrap();
        assert_eq!([tried(), tried(), tried()], ["b:1", "a:1", "b:1"]);
        rota.learn(&Masters { version: 1, addresses: vec!["c:1".to_owned()] });
        assert_eq!(rota.count(), 3);
        let all: [_; 3] = std::array::from_fn(|_| rota.next_to_try().unwrap());
        assert_eq!(all, ["b:1", "c:1", "a:1"]);
        assert_eq!(self::rota(&[], 7).next_to_try(), None);
    }

    #[test]
    fn the_leader_itself_is_not_asked() {
        let mut rota = rota(&["a:1", "b:1", "c:1"], 0);
        let mut asked = || rota.next_to_ask("b:1").unwrap();
        assert_eq!([asked(), asked(), asked()], ["a:1", "c:1", "a:1"]);
        assert_eq!(self::rota(&["a:1"], 0).next_to_ask("a:1"), None, "there is nobody else");
    }

    #[test]
    fn one_is_passed_over_once() {
        let mut rota = rota(&["a:1", "b:1"], 0);
        rota.pass_over("a:1");
        let mut tried = || rota.next_to_try().unwrap();
        assert_eq!([tried(), tried(), tried()], ["b:1", "a:1", "b:1"]);
        let mut lone = self::rota(&["a:1"], 0);
        lone.pass_over("a:1");
        assert_eq!(lone.next_to_try().unwrap(), "a:1", "better than nobody");
    }
}
