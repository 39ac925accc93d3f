//! What is asked of demands: which there are, and why somebody gets nothing.

use super::{listings::read_page, operators::optional_id};
use master_core::input::{OperatorCall, WhyQuery, WhySubject};
use proto::{model::Refusal, wire::v1};

pub(super) fn read_why(request: v1::WhyRequest) -> Result<OperatorCall, Refusal> {
    let framework = optional_id("framework_id", &request.framework_id)?;
    let demand = optional_id("demand_id", &request.demand_id)?;
    let task = optional_id("task_id", &request.task_id)?;
    let subject = match (framework, demand, task) {
        (_, Some(_), Some(_)) => {
            return Err(Refusal::invalid("task_id", "is given beside demand_id"));
        }
        (framework, None, Some(task)) => WhySubject::Task { framework, task },
        (framework, Some(demand), None) => WhySubject::Demand { framework, demand },
        (Some(framework), None, None) => WhySubject::Framework(framework),
        (None, None, None) => {
            let problem = "is missing, and so are demand_id and task_id";
            return Err(Refusal::invalid("framework_id", problem));
        }
    };
    let role = optional_id("role", &request.role)?;
    Ok(OperatorCall::Why(WhyQuery { subject, role }))
}

pub(super) fn read_list_demands(request: v1::ListDemandsRequest) -> Result<OperatorCall, Refusal> {
    Ok(OperatorCall::ListDemands {
        page: read_page(request.page)?,
        framework: optional_id("framework_id", &request.framework_id)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::model::Reason;

    fn request(framework: &str, role: &str, demand: &str, task: &str) -> v1::WhyRequest {
        v1::WhyRequest {
            framework_id: framework.to_owned(),
            role: role.to_owned(),
            demand_id: demand.to_owned(),
            task_id: task.to_owned(),
        }
    }

    #[test]
    fn somebody_must_be_named_and_once() {
        let field = |request| {
            let refusal = read_why(request).unwrap_err();
            assert_eq!(refusal.reason, Reason::InvalidField);
            refusal.field
        };
        assert_eq!(field(request("", "eng", "", "")), "framework_id");
        assert_eq!(field(request("", "", "index", "task-1")), "task_id");
        assert_eq!(field(request("nobody", "", "", "")), "framework_id");
        assert_eq!(field(request("framework-1", "a/../b", "", "")), "role");
        assert_eq!(field(request("", "", "a b", "")), "demand_id");
        assert_eq!(field(request("", "", "", "a b")), "task_id");
        for good in [
            request("framework-1", "", "", ""),
            request("framework-1", "eng", "index", ""),
            request("", "", "index", ""),
            request("", "", "", "task-1"),
            request("framework-1", "", "", "task-1"),
        ] {
            assert!(read_why(good).is_ok());
        }
    }

    #[test]
    fn listings_have_pages_and_one_filter() {
        let request = |size, framework: &str| v1::ListDemandsRequest {
            page: Some(v1::Page { size, token: String::new() }),
            framework_id: framework.to_owned(),
        };
        assert!(read_list_demands(request(10, "framework-1")).is_ok());
        assert_eq!(read_list_demands(request(1_001, "")).unwrap_err().field, "page.size");
        assert_eq!(read_list_demands(request(1, "x")).unwrap_err().field, "framework_id");
    }
}
