//! How many processors are free from when on, as far as is known now.

use simulator::engine::Time;

/// Free processors over time: steps in order; from the last one on it stays as it is.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    steps: Vec<(Time, u64)>,
}

impl Profile {
    /// So many are free now; those that are in use come back at these times, in order.
    pub(super) fn new(now: Time, free: u64, ends: impl Iterator<Item = (Time, u64)>) -> Self {
        let mut steps = vec![(now, free)];
        let mut free = free;
        for (at, processors) in ends {
            free += processors;
            match steps.last_mut() {
                Some((last, count)) if *last >= at => *count = free,
                _ => steps.push((at, free)),
            }
        }
        Self { steps }
    }

    /// When so many are free for so long, for the first time. There are so many in the end.
    pub(super) fn earliest(&self, processors: u64, takes: Time) -> Time {
        let mut index = 0;
        loop {
            let (start, _) = self.steps[index];
            let end = start + takes;
            let within = self.steps[index..].iter().take_while(|(at, _)| *at < end || *at == start);
            // The first step within that has too few: it begins after that one at the earliest.
            match within.enumerate().filter(|(_, (_, free))| *free < processors).last() {
                None => return start,
                Some((offset, _)) => index += offset + 1,
            }
        }
    }

    /// So many are in use from a time on, for so long.
    pub(super) fn take(&mut self, start: Time, takes: Time, processors: u64) {
        let end = start + takes;
        let (first, last) = (self.step_at(start), self.step_at(end));
        for (_, free) in &mut self.steps[first..last] {
            *free = free.checked_sub(processors).expect("there was room");
        }
    }

    /// The step that begins at a time; made when there is none.
    fn step_at(&mut self, at: Time) -> usize {
        match self.steps.binary_search_by_key(&at, |(at, _)| *at) {
            Ok(index) => index,
            Err(index) => {
                let free = self.steps[index - 1].1;
                self.steps.insert(index, (at, free));
                index
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_begins_where_there_is_room_for_all_of_it() {
        // Two are free, three more from 10 on, one more from 20 on.
        let ends = [(Time(10), 3), (Time(20), 1)];
        let mut profile = Profile::new(Time(0), 2, ends.into_iter());
        assert_eq!(profile.earliest(2, Time(100)), Time(0));
        assert_eq!(profile.earliest(3, Time(1)), Time(10));
        assert_eq!(profile.earliest(6, Time(1)), Time(20));
        profile.take(Time(10), Time(5), 4);
        // Between 10 and 15 one is left: two do not fit from 0 on for longer than 10.
        assert_eq!(profile.earliest(2, Time(10)), Time(0));
        assert_eq!(profile.earliest(2, Time(11)), Time(15));
        assert_eq!(profile.earliest(1, Time(100)), Time(0));
        profile.take(Time(0), Time(3), 2);
        assert_eq!(profile.earliest(1, Time(1)), Time(3));
    }
}
