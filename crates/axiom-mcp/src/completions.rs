//! Completions: ids and names of tasks, where an address or a prompt wants one. Those that have not ended come first.

use axiom_proto::api::ListRequest;
use axiom_proto::task::TaskView;
use rmcp::ErrorData;
use rmcp::model::{CompleteRequestParams, CompleteResult, CompletionInfo, Reference};

use crate::call::Call;
use crate::prompts::TASK_ARGUMENT;
use crate::resources::error_of;

/// What an address's template calls a task.
const ID_VARIABLE: &str = "id";

pub(crate) async fn complete(
    call: &Call,
    request: &CompleteRequestParams,
) -> Result<CompleteResult, ErrorData> {
    let wants_task = match &request.r#ref {
        Reference::Resource(_) => request.argument.name == ID_VARIABLE,
        Reference::Prompt(_) => request.argument.name == TASK_ARGUMENT,
        _ => false,
    };
    if !wants_task {
        return Ok(CompleteResult::default());
    }
    let page =
        call.operations.list(&ListRequest::default()).await.map_err(|fault| error_of(&fault))?;
    let fitting = fitting(&page.tasks, &request.argument.value);
    let total = u32::try_from(fitting.len()).ok();
    let values = fitting.into_iter().take(CompletionInfo::MAX_VALUES).collect();
    let has_more = total.is_some_and(|total| total as usize > CompletionInfo::MAX_VALUES);
    let info = CompletionInfo::with_pagination(values, total, has_more);
    Ok(CompleteResult::new(info.map_err(|error| ErrorData::internal_error(error, None))?))
}

/// Ids that begin so, and those of tasks whose name does; the newest first, and ended ones behind those that run. Pure.
fn fitting(tasks: &[TaskView], begun: &str) -> Vec<String> {
    let fits = |view: &&TaskView| {
        let name = view.name.as_deref().unwrap_or_default();
        view.id.as_str().starts_with(begun) || name.starts_with(begun)
    };
    let mut found: Vec<&TaskView> = tasks.iter().rev().filter(fits).collect();
    found.sort_by_key(|view| view.status.is_ended());
    found.into_iter().map(|view| view.id.to_string()).collect()
}
