//! Whatever the model can say survives the wire: model, message, bytes, message, model.

use crate::strategies::{self, messages};
use proptest::prelude::*;
use prost::Message;
use proto::{
    convert::{
        agent, calls, framework, masters, offer, orders, quota, refusal, resources, role_settings,
        status, task, watch,
    },
    model::{
        Refusal, SchedulerCall, Session, StatusReason, TaskState, limits, refusal::Reason,
        status::StatusSource,
    },
    wire::v1,
};

/// Through bytes and back.
fn sent<W: Message + Default>(message: W) -> W {
    W::decode(message.encode_to_vec().as_slice()).expect("what was just encoded")
}

/// A call through the bytes of its request.
fn sent_call(call: calls::WireCall) -> calls::WireCall {
    use calls::WireCall;
    match call {
        WireCall::Accept(request) => WireCall::Accept(sent(request)),
        WireCall::Decline(request) => WireCall::Decline(sent(request)),
        WireCall::Kill(request) => WireCall::Kill(sent(request)),
        WireCall::Acknowledge(request) => WireCall::Acknowledge(sent(request)),
        WireCall::Reconcile(request) => WireCall::Reconcile(sent(request)),
        WireCall::Suppress(request) => WireCall::Suppress(sent(request)),
        WireCall::Revive(request) => WireCall::Revive(sent(request)),
        WireCall::ClearFilters(request) => WireCall::ClearFilters(sent(request)),
        WireCall::AnswerInverseOffers(request) => WireCall::AnswerInverseOffers(sent(request)),
        WireCall::Teardown(request) => WireCall::Teardown(sent(request)),
        WireCall::UpdateFramework(request) => WireCall::UpdateFramework(sent(request)),
        WireCall::StateDemand(request) => WireCall::StateDemand(sent(request)),
    }
}

proptest! {
    #[test]
    fn resources_survive(list in strategies::resources()) {
        let wire = resources::write_resources(&list).into_iter().map(sent).collect();
        prop_assert_eq!(resources::read_resources(wire), Ok(list));
    }

    #[test]
    fn watch_filters_survive(it in strategies::watch_filter()) {
        prop_assert_eq!(watch::read_watch_filter(sent(watch::write_watch_filter(&it))), Ok(it));
    }

    #[test]
    fn leaderships_survive(it in messages::leadership()) {
        prop_assert_eq!(masters::read_leadership(sent(masters::write_leadership(&it))), Ok(it));
    }

    #[test]
    fn quotas_survive(it in strategies::quota()) {
        prop_assert_eq!(quota::read_quota(sent(quota::write_quota(&it))), Ok(it));
    }

    #[test]
    fn role_settings_survive(it in strategies::role_settings::settings()) {
        let wire = role_settings::write_settings(&it).map(sent).unwrap_or_default();
        prop_assert_eq!(role_settings::read_settings(wire), Ok(it));
    }

    #[test]
    fn changes_of_role_settings_survive(it in strategies::role_settings::change()) {
        let wire = sent(role_settings::write_change(&it));
        prop_assert_eq!(role_settings::read_change(wire), Ok(it));
    }

    #[test]
    fn attributes_survive(list in strategies::attributes()) {
        let wire = resources::write_attributes(&list).into_iter().map(sent).collect();
        prop_assert_eq!(resources::read_attributes(wire), Ok(list));
    }

    #[test]
    fn labels_survive(list in strategies::labels()) {
        let wire = task::write_labels(&list).into_iter().map(sent).collect();
        prop_assert_eq!(task::read_labels(wire), Ok(list));
    }

    #[test]
    fn tasks_survive(info in strategies::task_info()) {
        prop_assert_eq!(task::read_task_info(sent(task::write_task_info(&info))), Ok(info));
    }

    #[test]
    fn statuses_survive(it in strategies::status()) {
        prop_assert_eq!(status::read_status(sent(status::write_status(&it))), Ok(it));
    }

    #[test]
    fn agents_survive(info in strategies::agent_info(), task in strategies::agent_task()) {
        prop_assert_eq!(agent::read_agent_info(sent(agent::write_agent_info(&info))), Ok(info));
        prop_assert_eq!(agent::read_agent_task(sent(agent::write_agent_task(&task))), Ok(task));
    }

    #[test]
    fn frameworks_survive(info in strategies::framework_info()) {
        let wire = sent(framework::write_framework_info(&info));
        prop_assert_eq!(framework::read_framework_info(wire), Ok(info));
    }

    #[test]
    fn offers_survive(it in messages::offer()) {
        prop_assert_eq!(offer::read_offer(sent(offer::write_offer(&it))), Ok(it));
    }

    #[test]
    fn refusals_survive(it in messages::refusal()) {
        prop_assert_eq!(refusal::read_refusal(sent(refusal::write_refusal(&it))), it);
    }

    #[test]
    fn subscriptions_survive(it in messages::subscribe()) {
        prop_assert_eq!(calls::read_subscribe(sent(calls::write_subscribe(&it))), Ok(it));
    }

    #[test]
    fn calls_survive(session in strategies::session(), call in messages::call()) {
        let wire = calls::write_call(session, call.clone());
        prop_assert_eq!(calls::read_call(sent_call(wire)), Ok((session, call)));
    }

    #[test]
    fn events_survive(event in messages::event()) {
        prop_assert_eq!(calls::read_event(sent(calls::write_event(&event))), Ok(event));
    }

    #[test]
    fn agents_reports_survive(call in messages::agent_call()) {
        let wire = sent(orders::write_agent_message(&call));
        prop_assert_eq!(orders::read_agent_message(wire), Ok(call));
    }

    #[test]
    fn orders_survive(term: u64, order in messages::order()) {
        let wire = sent(orders::write_master_message(term, &order));
        prop_assert_eq!(orders::read_master_message(wire), Ok((term, order)));
    }
}

/// Every number of an enum either means something, and that is written as the same number, or is
/// refused.
#[test]
fn enums_are_read_and_written_one_to_one() {
    const NUMBERS: i32 = 1_000;
    let states: Vec<TaskState> = (-1..NUMBERS).filter_map(|n| status::read_state(n).ok()).collect();
    assert_eq!(states, TaskState::ALL);
    let reasons: Vec<StatusReason> =
        (-1..NUMBERS).filter_map(|n| status::read_reason(n).ok()).collect();
    assert_eq!(reasons, strategies::STATUS_REASONS);
    let sources: Vec<StatusSource> =
        (-1..NUMBERS).filter_map(|n| status::read_source(n).ok()).collect();
    assert_eq!(sources, [StatusSource::Master, StatusSource::Agent]);
    let number_of = |reason| refusal::write_refusal(&Refusal::new(reason, "")).reason;
    let numbers = messages::REASONS.map(number_of);
    assert!(numbers.windows(2).all(|pair| pair[0] != pair[1]), "one number each: {numbers:?}");
    for number in -1..NUMBERS {
        if let Ok(state) = status::read_state(number) {
            assert_eq!(i32::from(status::write_state(state)), number);
        }
        if let Ok(reason) = status::read_reason(number) {
            assert_eq!(i32::from(status::write_reason(reason)), number);
        }
        let read = refusal::read_refusal(v1::Refusal { reason: number, ..Default::default() });
        let known = numbers.contains(&number);
        let written = refusal::write_refusal(&read).reason;
        let expected = if known { number } else { v1::RefusalReason::RefusalOutcomeUnknown.into() };
        assert_eq!(written, expected);
    }
    for reason in messages::REASONS {
        let wire = v1::Refusal { reason: number_of(reason), ..Default::default() };
        assert_eq!(refusal::read_refusal(wire).reason, reason);
    }
}

/// What the schema says about fields that are not there.
#[test]
fn absent_fields_have_their_defaults() {
    let session = Session { framework: proto::model::FrameworkId(1), epoch: 2 };
    let bare = v1::AcceptRequest {
        session: Some(calls::write_session(session)),
        offer_ids: vec!["offer-1-1".to_owned()],
        ..Default::default()
    };
    let read_refuse =
        |filters| match calls::read_accept(v1::AcceptRequest { filters, ..bare.clone() }) {
            Ok((_, SchedulerCall::Accept { refuse, request: None, .. })) => refuse,
            other => panic!("{other:?}"),
        };
    let of = |refuse_ms| Some(v1::Filters { refuse_ms, ..Default::default() });
    assert_eq!(read_refuse(None), limits::REFUSE_DEFAULT.into());
    assert_eq!(read_refuse(of(None)), limits::REFUSE_DEFAULT.into());
    assert_eq!(read_refuse(of(Some(u64::MAX))).time, limits::REFUSE_MAX);
    assert_eq!(read_refuse(of(Some(0))).time.as_ms(), 0);

    let kill = v1::KillRequest {
        session: Some(calls::write_session(session)),
        task_id: "task".to_owned(),
        kill_policy: Some(v1::KillPolicy::default()),
        ..Default::default()
    };
    let Ok((_, SchedulerCall::Kill { grace_period: None, .. })) = calls::read_kill(kill) else {
        panic!("a policy without a period is none");
    };
}

/// A master's remainder may have more ranges than anybody may name.
#[test]
fn offers_of_fragments_are_read() {
    let base = v1::Offer {
        offer_id: "offer-1-1".to_owned(),
        framework_id: "framework-1".to_owned(),
        role: "*".to_owned(),
        agent_id: "agent".to_owned(),
        ..Default::default()
    };
    let range = |index: u64| v1::Range { begin: 2 * index, end: 2 * index };
    let ranges = v1::Ranges { ranges: (0..30_000).map(range).collect() };
    let value = Some(v1::resource::Value::Ranges(ranges));
    let resources = vec![v1::Resource { name: "ports".to_owned(), value }];
    assert!(offer::read_offer(v1::Offer { resources: resources.clone(), ..base }).is_ok());
    let refusal = resources::read_resources(resources).expect_err("an agent may not");
    assert_eq!((refusal.reason, refusal.field.as_str()), (Reason::LimitExceeded, "[0].ranges"));
}
