//! Where agents stand in tables, and sets of such places.
//!
//! Agents come and go in sets all the time, each of their resources with every offer. A set is one
//! bit per place, so that this costs the same however many there are.

/// Where an agent stands in tables; given to another one when it has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(pub(super) u32);

impl Place {
    /// The place with this number. Means something only in the view that gave it.
    pub const fn at(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u32 {
        self.0
    }

    pub(super) fn position(self) -> usize {
        self.0 as usize
    }
}

/// Places, in order.
#[derive(Debug, Clone, Default)]
pub struct PlaceSet {
    words: Vec<u64>,
    count: usize,
}

impl PlaceSet {
    /// None.
    pub const fn new() -> Self {
        Self { words: Vec::new(), count: 0 }
    }

    /// Whether it is one of them.
    pub fn contains(&self, place: Place) -> bool {
        let (word, bit) = split(place);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Makes it one of them, or not.
    pub fn set(&mut self, place: Place, is_in: bool) {
        let (word, bit) = split(place);
        if self.contains(place) == is_in {
            return;
        }
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] ^= bit;
        match is_in {
            true => self.count += 1,
            false => self.count -= 1,
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All of them, by number.
    pub fn iter(&self) -> impl Iterator<Item = Place> {
        self.words.iter().zip(0..).flat_map(|(word, index)| {
            let next = |rest: u64| (rest != 0).then_some(rest);
            // The lowest bit goes with each step.
            let rests = std::iter::successors(next(*word), move |rest| next(rest & (rest - 1)));
            rests.map(move |rest| Place(index * u64::BITS + rest.trailing_zeros()))
        })
    }
}

/// In which word, and the bit there.
fn split(place: Place) -> (usize, u64) {
    ((place.0 / u64::BITS) as usize, 1 << (place.0 % u64::BITS))
}

#[cfg(test)]
mod tests {
    use super::{Place, PlaceSet};

    #[test]
    fn places_are_in_order_and_counted_once() {
        let mut set = PlaceSet::new();
        for number in [130, 0, 63, 64, 64, 5] {
            set.set(Place(number), true);
        }
        set.set(Place(5), false);
        set.set(Place(5), false);
        set.set(Place(1_000), false);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 130].map(Place));
        assert_eq!((set.len(), set.is_empty()), (4, false));
        assert!(set.contains(Place(64)) && !set.contains(Place(65)) && !set.contains(Place(999)));
    }
}
