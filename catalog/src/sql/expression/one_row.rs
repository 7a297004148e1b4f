//! Which calls cannot be computed from one row, as far as their syntax or PostgreSQL's own names tell.

use super::super::parser::{Node, name_parts, nodes};

/// Aggregates of PostgreSQL itself. The parser cannot tell `sum(x)` from `abs(x)`; a name list catches the mistake before
/// any database is asked. A function of the user's that has such a name is still callable with its schema.
const AGGREGATES: &[&str] = &[
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bool_and",
    "bool_or",
    "count",
    "every",
    "json_agg",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_object_agg",
    "max",
    "min",
    "mode",
    "percentile_cont",
    "percentile_disc",
    "range_agg",
    "stddev",
    "string_agg",
    "sum",
    "variance",
    "xmlagg",
];
/// Window functions of PostgreSQL itself.
const WINDOW_FUNCTIONS: &[&str] = &[
    "cume_dist",
    "dense_rank",
    "first_value",
    "lag",
    "last_value",
    "lead",
    "nth_value",
    "ntile",
    "percent_rank",
    "rank",
    "row_number",
];
/// Set-returning functions of PostgreSQL itself.
const SET_RETURNING: &[&str] = &[
    "generate_series",
    "generate_subscripts",
    "json_array_elements",
    "json_array_elements_text",
    "json_each",
    "json_each_text",
    "json_object_keys",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_each",
    "jsonb_each_text",
    "jsonb_object_keys",
    "jsonb_path_query",
    "regexp_matches",
    "regexp_split_to_table",
    "string_to_table",
    "unnest",
];

/// What is wrong with a call, as far as its syntax or PostgreSQL's own name for it tells.
pub(super) fn unfit_call(call: &nodes::FuncCall) -> Option<&'static str> {
    if call.over().is_some() {
        return Some("a window function");
    }
    let aggregate = call.agg_star
        || call.agg_distinct
        || call.agg_within_group
        || !call.agg_order().is_empty()
        || !matches!(call.agg_filter(), Node::None);
    if aggregate {
        return Some("an aggregate");
    }
    let parts = name_parts(call.funcname());
    let ([name] | ["pg_catalog", name]) = parts.as_slice() else { return None };
    [
        (AGGREGATES, "an aggregate"),
        (WINDOW_FUNCTIONS, "a window function"),
        (SET_RETURNING, "a set-returning function"),
    ]
    .into_iter()
    .find_map(|(names, kind)| names.contains(name).then_some(kind))
}
