//! Generators of what frameworks want.

use super::{duration, line, priority, resource_name};
use proptest::{collection, option, prelude::*};
use proto::model::{
    Constraint, DemandId, Domain, DomainSpread, Milli, OfferTerms, Resources, Role, StatedDemand,
    Value,
    demand::{Rule, Subject},
    domain::DomainShare,
    limits,
    offer_terms::OfferGroup,
};

pub(crate) fn demand_id() -> impl Strategy<Value = DemandId> {
    "[A-Za-z0-9_:@+-]{1,12}".prop_map(|text| DemandId::new(&text).expect("an id"))
}

pub(crate) fn pieces() -> impl Strategy<Value = Vec<(DemandId, u32)>> {
    collection::vec((demand_id(), 1..=limits::DEMAND_PIECES_MAX), 0..3)
}

fn values() -> impl Strategy<Value = Vec<String>> {
    prop_oneof![
        20 => collection::vec(line(), 1..4),
        1 => Just(vec!["x".to_owned(); limits::CONSTRAINT_VALUES_MAX]),
    ]
}

pub(crate) fn constraint() -> impl Strategy<Value = Constraint> {
    let number = || (0..=limits::MILLI_MAX).prop_map(Milli);
    let of_texts =
        || prop_oneof![values().prop_map(Rule::In).boxed(), values().prop_map(Rule::NotIn).boxed()];
    let of_attributes = prop_oneof![
        Just(Rule::Exists),
        Just(Rule::Absent),
        of_texts(),
        number().prop_map(Rule::AtLeast),
        number().prop_map(Rule::AtMost),
    ];
    let attribute = resource_name().prop_map(|name| Subject::Attribute(name.to_string()));
    let name = prop_oneof![Just(Subject::Hostname), Just(Subject::AgentId)];
    let paths = || collection::vec(domain().prop_map(|it| it.to_string()), 1..4);
    let of_paths = prop_oneof![
        Just(Rule::Exists),
        Just(Rule::Absent),
        paths().prop_map(Rule::In),
        paths().prop_map(Rule::NotIn),
    ];
    let of_amounts = prop_oneof![number().prop_map(Rule::AtLeast), number().prop_map(Rule::AtMost)];
    prop_oneof![
        (attribute, of_attributes).boxed(),
        (name, of_texts()).boxed(),
        (Just(Subject::Domain), of_paths).boxed(),
        (resource_name().prop_map(Subject::Total), of_amounts).boxed(),
    ]
    .prop_map(|(subject, rule)| Constraint { subject, rule })
}

pub(crate) fn domain() -> impl Strategy<Value = Domain> {
    "[a-z0-9-]{1,6}(/[a-z0-9-]{1,6}){0,7}".prop_map(|text| text.parse().expect("a path"))
}

fn spread() -> impl Strategy<Value = Vec<DomainSpread>> {
    let share = prop_oneof![(1..=u32::MAX).prop_map(DomainShare::AtMost), Just(DomainShare::Even)];
    let levels = collection::btree_map(1..=8_u8, share, 0..3);
    levels.prop_map(|levels| {
        levels.into_iter().map(|(level, share)| DomainSpread { level, share }).collect()
    })
}

fn shape() -> impl Strategy<Value = Resources> {
    let amount = (1..=limits::MILLI_MAX).prop_map(|milli| Value::Scalar(Milli(milli)));
    collection::btree_map(resource_name(), amount, 1..4)
        .prop_map(|entries| Resources::from_entries(entries).expect("amounts in range"))
}

/// Of any role.
pub(crate) fn offer_terms() -> impl Strategy<Value = Vec<OfferTerms>> {
    let offered = prop_oneof![Just(Resources::new()), shape()];
    let group = (collection::vec(constraint(), 1..3), offered)
        .prop_map(|(constraints, offered)| OfferGroup { constraints, offered });
    let terms =
        (collection::vec(group, 0..3), collection::vec(shape(), 0..3), any::<bool>()).prop_map(
            |(groups, least, revocable)| OfferTerms { role: Role::any(), groups, least, revocable },
        );
    collection::vec(terms, 0..3)
}

fn demand() -> impl Strategy<Value = StatedDemand> {
    let constraints = collection::vec(constraint(), 0..4);
    let gang = option::of(duration(1, limits::GANG_TIMEOUT_MAX));
    let most = option::of(1..=u32::MAX);
    let count = 1..=limits::DEMAND_PIECES_MAX;
    let placed = (most, spread(), any::<bool>());
    (demand_id(), shape(), count, constraints, placed, gang, priority()).prop_map(
        |(
            id,
            shape,
            count,
            constraints,
            (per_agent_max, spread, revocable),
            gang_timeout,
            priority,
        )| {
            StatedDemand {
                id,
                shape,
                count,
                constraints,
                per_agent_max,
                spread,
                gang_timeout,
                priority,
                revocable,
            }
        },
    )
}

/// With ids that differ.
pub(crate) fn demands() -> impl Strategy<Value = Vec<StatedDemand>> {
    collection::vec(demand(), 0..4).prop_map(|mut list| {
        list.sort_by(|a, b| a.id.cmp(&b.id));
        list.dedup_by(|a, b| a.id == b.id);
        list
    })
}
