//! The finder against a scan of all machines: for random cells, requests, policies and rules for
//! ties, with tasks that come and go.

use master_core::{
    allocator::Amounts,
    placement::{
        BestFit, DotProduct, EPvm, Fgd, FirstFit, GpuClustering, GpuPacking, Models, Pack,
        Placement, Random, Resolution, Score, Spread, TypicalTask, WorstFit, devices::Ask,
    },
};
use proto::model::ResourceName;
use simulator::engine::Chance;
use study::cell::{Cell, Choice, Finder, Machine, Request, Requests, Taken, Tie, TieRule};

fn amounts(cpus: u64, mem: u64, gpus: u64) -> Amounts {
    let mut amounts = Amounts::new();
    amounts.set(&ResourceName::CPUS, cpus.into());
    amounts.set(&ResourceName::MEM, mem.into());
    amounts.set(&ResourceName::GPUS, gpus.into());
    amounts
}

fn cell(chance: &mut Chance) -> Cell {
    let count = chance.between(1, 40);
    let machines = (0..count).map(|number| Machine {
        // Names in another order than numbers.
        name: format!("{}", number * 7 % 11),
        total: amounts(
            chance.between(1, 8) * 1_000,
            chance.between(1, 8) * 1_000,
            chance.between(0, 4) * 1_000,
        ),
        model: Models::one(chance.index(3)),
        ..Machine::default()
    });
    Cell::new(machines.collect::<Vec<_>>())
}

fn requests(chance: &mut Chance) -> Requests {
    let mut requests = Requests::new();
    for _ in 0..6 {
        let gpus = *chance.pick(&[0, 0, 300, 500, 1_000, 2_000]).unwrap();
        let shape = amounts(chance.between(1, 3) * 500, chance.between(0, 3) * 500, gpus);
        let mut request = Request::new(shape).unwrap();
        if chance.per_mille(300) {
            request.models = Models::one(chance.index(3)).with(Models::one(chance.index(3)));
        }
        requests.number(request);
    }
    requests
}

fn typical(requests: &Requests) -> Vec<TypicalTask> {
    let all = (0..u32::try_from(requests.len()).unwrap()).map(|number| requests.get(number));
    all.map(|it| TypicalTask { shape: it.shape.clone(), models: it.models, count: 3 }).collect()
}

fn policies(typical: &[TypicalTask]) -> Vec<Box<dyn Placement>> {
    let resolution = Resolution::Percent;
    vec![
        Box::new(FirstFit),
        Box::new(Pack),
        Box::new(Spread),
        Box::new(BestFit::default()),
        Box::new(BestFit { resolution, ..BestFit::default() }),
        Box::new(WorstFit::default()),
        Box::new(DotProduct::default()),
        Box::new(EPvm),
        Box::new(GpuClustering),
        Box::new(GpuPacking),
        Box::new(Fgd::with_models(typical, Resolution::Exact)),
        Box::new(Fgd::with_models(typical, resolution)),
    ]
}

/// All machines with the best score, by their order.
fn equals(policy: &dyn Placement, cell: &Cell, request: &Request, tie: &Tie) -> Vec<u32> {
    let fitting = (0..cell.len() as u32).filter(|machine| cell.fits(*machine, request));
    let scored: Vec<(Score, u32)> = fitting
        .map(|machine| (policy.score(&cell.candidate(machine), Some(&request.shape)), machine))
        .collect();
    let best = scored.iter().map(|(score, _)| *score).max();
    let of_best = scored.into_iter().filter(|(score, _)| Some(*score) == best);
    let mut equals: Vec<u32> = of_best.map(|(_, machine)| machine).collect();
    equals.sort_by_key(|machine| tie.place(*machine));
    equals
}

/// One history; says with how many choices.
fn history(seed: u64, rule: TieRule, policy: usize) -> usize {
    let mut chance = Chance::of(seed, "history", policy as u64);
    let (mut cell, requests) = (cell(&mut chance), requests(&mut chance));
    let typical = typical(&requests);
    let oracle = policies(&typical).swap_remove(policy);
    let mut order = Tie::new(rule, &cell, seed);
    let tie = Tie::new(rule, &cell, seed);
    let mut finder = Finder::new(policies(&typical).swap_remove(policy), tie);
    let mut running: Vec<(Choice, u32, Taken)> = Vec::new();
    let mut chosen = 0;
    for _ in 0..120 {
        if chance.per_mille(350) && !running.is_empty() {
            let (choice, number, taken) = running.swap_remove(chance.index(running.len()));
            cell.give_back(choice.machine, requests.get(number), &taken);
            continue;
        }
        let number = u32::try_from(chance.index(requests.len())).unwrap();
        let request = requests.get(number);
        let equals = equals(&*oracle, &cell, request, &order);
        let found = finder.best(&cell, &requests, number);
        match (found, rule) {
            (None, _) => assert!(equals.is_empty()),
            (Some(choice), TieRule::RandomEach) => assert!(equals.contains(&choice.machine)),
            (Some(choice), _) => assert_eq!(Some(&choice.machine), equals.first(), "{oracle:?}"),
        }
        let Some(choice) = found else { continue };
        if let Ask::Part(part) = request.ask {
            assert!(cell.candidate(choice.machine).gpus[choice.gpu.unwrap()] >= part);
        }
        order.was_chosen(choice.machine);
        let taken = cell.take(choice.machine, request, choice.gpu);
        running.push((choice, number, taken));
        chosen += 1;
    }
    chosen
}

#[test]
fn it_finds_what_a_scan_of_all_machines_finds() {
    let mut chosen = 0;
    for rule in TieRule::ALL {
        for policy in 0..policies(&[]).len() {
            chosen += (0..8).map(|seed| history(seed, rule, policy)).sum::<usize>();
        }
    }
    assert!(chosen > 10_000, "{chosen} choices");
}

#[test]
fn a_fresh_draw_takes_each_of_equals_and_so_does_a_policy_by_lot() {
    let total = amounts(4_000, 4_000, 0);
    let small = amounts(500, 500, 0);
    let machines = [&total, &small, &total, &total, &small]
        .map(|total| Machine { total: total.clone(), ..Machine::default() });
    let cell = Cell::new(machines);
    let mut requests = Requests::new();
    let number = requests.number(Request::new(amounts(1_000, 1_000, 0)).unwrap());
    let both: [Box<dyn Placement>; 2] = [Box::new(FirstFit), Box::new(Random::new(5))];
    for policy in both {
        let mut finder = Finder::new(policy, Tie::new(TieRule::RandomEach, &cell, 3));
        let mut counts = [0; 5];
        for _ in 0..3_000 {
            let choice = finder.best(&cell, &requests, number).unwrap();
            counts[choice.machine as usize] += 1;
        }
        assert_eq!((counts[1], counts[4]), (0, 0), "no room");
        assert!([0, 2, 3].iter().all(|at| (900..1_100).contains(&counts[*at])), "{counts:?}");
    }
}

#[test]
fn one_fixed_random_order_is_of_its_seed() {
    let machines = vec![Machine { total: amounts(1_000, 0, 0), ..Machine::default() }; 30];
    let cell = Cell::new(machines);
    let places = |seed| {
        let tie = Tie::new(TieRule::FixedRandom, &cell, seed);
        (0..30).map(|machine| tie.place(machine)).collect::<Vec<_>>()
    };
    assert_eq!(places(1), places(1));
    assert_ne!(places(1), places(2));
    let mut sorted = places(1);
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq(0..30));
}
