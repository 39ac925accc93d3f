//! `bourse why` and `bourse demand`: who wants what, and why somebody gets nothing.

use crate::{
    connection::{Connection, request},
    every_page,
    output::{
        Format, print_one, print_rows,
        why::{DemandRow, WhyReport},
    },
};
use anyhow::{anyhow, bail};
use proto::{
    model::{FrameworkId, Reason, Refusal, Role},
    wire::v1,
};

/// Flags of `bourse why`.
#[derive(Debug, clap::Args)]
pub(crate) struct WhyArgs {
    /// A framework (framework-7), a task, or a demand; a job's demands are called as its tasks are
    subject: String,
    /// Only in this role
    #[arg(long)]
    role: Option<Role>,
    /// Only this demand of the framework
    #[arg(long, value_name = "ID")]
    demand: Option<String>,
    /// Framework of the task or demand, when its id is not unique
    #[arg(long, value_name = "ID", conflicts_with = "demand")]
    framework: Option<String>,
}

/// Flags of `bourse demand`.
#[derive(Debug, clap::Args)]
pub(crate) struct DemandArgs {
    /// Only what this framework wants
    #[arg(long, value_name = "ID")]
    framework: Option<String>,
}

pub(crate) async fn why(
    connection: &Connection,
    format: Format,
    args: &WhyArgs,
) -> anyhow::Result<()> {
    let mut refused = None;
    for question in questions(args) {
        let answer = connection.ask(|mut client| {
            let message = request(question.clone());
            async move { client.why(message).await }
        });
        match answer.await {
            Ok(answer) => {
                let report = WhyReport::new(answer);
                return print_one(format, &report, || report.text());
            }
            Err(problem) if is_unknown(&problem) => refused = Some(problem),
            Err(problem) => return Err(problem),
        }
    }
    let Some(problem) = refused else { bail!("nothing was asked") };
    match args.subject.parse::<FrameworkId>() {
        Ok(_) => Err(problem),
        Err(_) => {
            let subject = &args.subject;
            Err(anyhow!(
                "there is no task {subject}, and nobody has stated a demand of that name; \
                 `bourse tasks` and `bourse demand` list what there is"
            ))
        }
    }
}

/// What may be meant, the likeliest first.
fn questions(args: &WhyArgs) -> Vec<v1::WhyRequest> {
    let ask = |framework: &str, demand: &str, task: &str| v1::WhyRequest {
        framework_id: framework.to_owned(),
        role: args.role.as_ref().map(ToString::to_string).unwrap_or_default(),
        demand_id: demand.to_owned(),
        task_id: task.to_owned(),
    };
    let demand = args.demand.as_deref().unwrap_or_default();
    if args.subject.parse::<FrameworkId>().is_ok() {
        return vec![ask(&args.subject, demand, "")];
    }
    let framework = args.framework.as_deref().unwrap_or_default();
    let mut questions = vec![ask(framework, "", &args.subject), ask(framework, &args.subject, "")];
    // An instance of a job's task that was not launched yet is known by the demand for it.
    questions.extend(task_of_instance(&args.subject).map(|task| ask(framework, task, "")));
    questions
}

/// `index` of `index-3` and of `index-3.1`.
fn task_of_instance(id: &str) -> Option<&str> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let whole = match id.rsplit_once('.') {
        Some((whole, attempt)) if is_number(attempt) => whole,
        _ => id,
    };
    let (task, instance) = whole.rsplit_once('-')?;
    (is_number(instance) && !task.is_empty()).then_some(task)
}

/// Whether what was asked about is nothing of that kind.
fn is_unknown(problem: &anyhow::Error) -> bool {
    problem.downcast_ref::<Refusal>().is_some_and(|refusal| match refusal.reason {
        Reason::TaskUnknown | Reason::FrameworkUnknown => true,
        Reason::InvalidField => matches!(&*refusal.field, "demand_id" | "task_id"),
        _ => false,
    })
}

pub(crate) async fn demands(
    connection: &Connection,
    format: Format,
    args: &DemandArgs,
) -> anyhow::Result<()> {
    let request = v1::ListDemandsRequest {
        page: None,
        framework_id: args.framework.clone().unwrap_or_default(),
    };
    let rows = every_page!(connection, list_demands, demands, request.clone());
    if rows.is_empty() && format == Format::Table {
        eprintln!("nobody has stated a demand; frameworks that state none take plain offers");
    }
    print_rows(format, &rows.into_iter().map(DemandRow::from).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(subject: &str) -> WhyArgs {
        WhyArgs { subject: subject.to_owned(), role: None, demand: None, framework: None }
    }

    #[test]
    fn what_is_typed_is_looked_for_as_everything_it_may_be() {
        let [asked] = &questions(&args("framework-7"))[..] else { panic!("one question") };
        assert_eq!((&*asked.framework_id, &*asked.task_id), ("framework-7", ""));
        let [task, demand, of_task] = &questions(&args("index-3"))[..] else { panic!("three") };
        assert_eq!((&*task.task_id, &*demand.demand_id), ("index-3", "index-3"));
        assert_eq!(of_task.demand_id, "index");
        assert_eq!(questions(&args("index")).len(), 2);
    }

    #[test]
    fn instances_are_known_by_their_task() {
        assert_eq!(task_of_instance("a-b-3.1"), Some("a-b"));
        assert_eq!(task_of_instance("a-3"), Some("a"));
        for other in ["a", "a-", "-3", "a-b", "a.1", "a-3.x"] {
            assert_eq!(task_of_instance(other), None, "{other}");
        }
    }
}
