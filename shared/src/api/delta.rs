//! Differences between two JSON values: how they are written, and how a client applies them.
//! Which states differ, and who gets which, is decided in `parlor-core`.
//!
//! A delta is one of three things:
//! - `[v]`: the value is `v` now;
//! - an object, where the value was an object: for each member that changed its delta, or `0` if
//!   it is gone;
//! - an object, where the value was an array: for each index that changed (in decimal digits) its
//!   delta, and under `"#"` the new length if that changed.
//!
//! In JavaScript:
//! ```js
//! function apply(base, delta) {
//!   if (Array.isArray(delta)) return delta[0];
//!   const list = Array.isArray(base);
//!   const next = list ? base.slice(0, delta["#"] ?? base.length) : { ...base };
//!   for (const [key, change] of Object.entries(delta))
//!     if (change === 0 && !list) delete next[key];
//!     else if (key !== "#" || !list) next[key] = apply(base[key], change);
//!   return next;
//! }
//! ```

use serde_json::{Map, Value};

/// Where the new length of an array stands.
const LENGTH: &str = "#";

/// Why a delta cannot be applied: it was made for another base, or is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the delta does not fit its base")]
pub struct Misfit;

/// What leads from `base` to `next`: `apply(base, &diff(base, next))` is `next`.
///
/// Costs one look at each part of both; a part is replaced as a whole where that is shorter.
pub fn diff(base: &Value, next: &Value) -> Value {
    match (compare(base, next).delta, next) {
        (Some(delta), _) => delta,
        (None, Value::Object(_) | Value::Array(_)) => Value::Object(Map::new()),
        (None, same) => Value::Array(vec![same.clone()]),
    }
}

/// `base` with the changes of `delta`.
///
/// # Errors
/// [`Misfit`], if the delta was not made for this base. Needs no more memory than the result, and
/// that has at most as many parts as base and delta together.
pub fn apply(base: &Value, delta: &Value) -> Result<Value, Misfit> {
    match (base, delta) {
        (_, Value::Array(replaced)) => match replaced.as_slice() {
            [value] => Ok(value.clone()),
            _ => Err(Misfit),
        },
        (Value::Object(members), Value::Object(changes)) => apply_members(members, changes),
        (Value::Array(items), Value::Object(changes)) => apply_items(items, changes),
        _ => Err(Misfit),
    }
}

fn apply_members(base: &Map<String, Value>, changes: &Map<String, Value>) -> Result<Value, Misfit> {
    let mut next = base.clone();
    for (name, change) in changes {
        if change.as_u64() == Some(0) {
            next.remove(name).ok_or(Misfit)?;
        } else {
            let changed = apply(base.get(name).unwrap_or(&Value::Null), change)?;
            next.insert(name.clone(), changed);
        }
    }
    Ok(Value::Object(next))
}

fn apply_items(base: &[Value], changes: &Map<String, Value>) -> Result<Value, Misfit> {
    let length = match changes.get(LENGTH) {
        Some(length) => length.as_u64().and_then(|n| usize::try_from(n).ok()).ok_or(Misfit)?,
        None => base.len(),
    };
    // Each item past the old end is named, so a length alone cannot ask for memory.
    if length.saturating_sub(base.len()) > changes.len() {
        return Err(Misfit);
    }
    let mut next = base[..length.min(base.len())].to_vec();
    for index in base.len()..length {
        let change = changes.get(&index.to_string()).ok_or(Misfit)?;
        next.push(apply(&Value::Null, change)?);
    }
    for (name, change) in changes.iter().filter(|(name, _)| *name != LENGTH) {
        let index: usize = name.parse().map_err(|_| Misfit)?;
        let item = next.get_mut(index).ok_or(Misfit)?;
        if let Some(before) = base.get(index) {
            *item = apply(before, change)?;
        }
    }
    Ok(Value::Array(next))
}

/// What two values have to do with each other.
struct Compared {
    /// `None`: they are equal.
    delta: Option<Value>,
    /// About how many bytes the delta has, and the new value as a whole.
    n_delta: usize,
    n_full: usize,
}

fn compare(base: &Value, next: &Value) -> Compared {
    let (changes, n_changes, n_full) = match (base, next) {
        (Value::Object(base), Value::Object(next)) => compare_members(base, next),
        (Value::Array(base), Value::Array(next)) => compare_items(base, next),
        _ if base == next => return Compared { delta: None, n_delta: 0, n_full: length(next) },
        _ => (None, usize::MAX, length(next)),
    };
    match changes {
        Some(changes) if changes.is_empty() => Compared { delta: None, n_delta: 0, n_full },
        Some(changes) if n_changes < n_full + 2 => {
            Compared { delta: Some(Value::Object(changes)), n_delta: n_changes, n_full }
        }
        _ => {
            let delta = Some(Value::Array(vec![next.clone()]));
            Compared { delta, n_delta: n_full + 2, n_full }
        }
    }
}

type Changes = (Option<Map<String, Value>>, usize, usize);

fn compare_members(base: &Map<String, Value>, next: &Map<String, Value>) -> Changes {
    let (mut changes, mut n_delta, mut n_full) = (Map::new(), 2, 2);
    for name in base.keys().filter(|name| !next.contains_key(*name)) {
        changes.insert(name.clone(), Value::from(0));
        n_delta += name.len() + 5;
    }
    for (name, value) in next {
        let compared = match base.get(name) {
            Some(before) => compare(before, value),
            None => added(value),
        };
        n_full += compared.n_full + name.len() + 4;
        if let Some(delta) = compared.delta {
            n_delta += compared.n_delta + name.len() + 4;
            changes.insert(name.clone(), delta);
        }
    }
    (Some(changes), n_delta, n_full)
}

fn compare_items(base: &[Value], next: &[Value]) -> Changes {
    let (mut changes, mut n_delta, mut n_full) = (Map::new(), 2, 2);
    if base.len() != next.len() {
        changes.insert(LENGTH.to_owned(), Value::from(next.len()));
        n_delta += 10;
    }
    for (index, value) in next.iter().enumerate() {
        let compared = match base.get(index) {
            Some(before) => compare(before, value),
            None => added(value),
        };
        n_full += compared.n_full + 1;
        if let Some(delta) = compared.delta {
            n_delta += compared.n_delta + digits(index as u64) + 4;
            changes.insert(index.to_string(), delta);
        }
    }
    (Some(changes), n_delta, n_full)
}

fn added(value: &Value) -> Compared {
    let n_full = length(value);
    Compared { delta: Some(Value::Array(vec![value.clone()])), n_delta: n_full + 2, n_full }
}

/// About how many bytes a value has as text: enough to tell which of two ways is shorter.
fn length(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 4,
        Value::Number(number) => match number.as_i64() {
            Some(whole) => digits(whole.unsigned_abs()) + usize::from(whole < 0),
            None => 12,
        },
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|item| length(item) + 1).sum::<usize>(),
        Value::Object(members) => {
            2 + members.iter().map(|(name, v)| name.len() + length(v) + 4).sum::<usize>()
        }
    }
}

fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |n| n as usize + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_delta_says_what_changed_and_nothing_else() {
        let long = "a text that is long enough for small changes to be told apart";
        let base = json!({"a": 1, "b": {"x": [1, 2, 3, 4, 5, 6, 7, 8], "text": long}, "gone": 0});
        let mut next = base.clone();
        next["a"] = json!(2);
        next["b"]["x"][1] = json!(9);
        next.as_object_mut().unwrap().remove("gone");
        next["new"] = json!([0]);
        let delta = diff(&base, &next);
        assert_eq!(delta, json!({"a": [2], "b": {"x": {"1": [9]}}, "gone": 0, "new": [[0]]}));
        assert_eq!(apply(&base, &delta), Ok(next));
    }

    #[test]
    fn an_array_says_its_new_length_and_what_stands_at_changed_places() {
        let base = json!(["a long item to begin with", 2, 3, 4]);
        let grown = json!(["a long item to begin with", 2, 3, 4, 0]);
        assert_eq!(diff(&base, &grown), json!({"#": 5, "4": [0]}));
        let shrunk = json!(["a long item to begin with", 2]);
        assert_eq!(diff(&base, &shrunk), json!({"#": 2}));
        assert_eq!(apply(&base, &json!({"#": 2})), Ok(shrunk));
    }

    #[test]
    fn what_is_shorter_as_a_whole_is_replaced_as_a_whole() {
        assert_eq!(diff(&json!([1, 2, 3]), &json!([4, 5, 6])), json!([[4, 5, 6]]));
        assert_eq!(diff(&json!({"a": 1}), &json!([])), json!([[]]));
        assert_eq!(diff(&json!(1), &json!(2)), json!([2]));
    }

    #[test]
    fn equal_values_have_an_empty_delta() {
        for value in [json!(null), json!(0.5), json!([1]), json!({"a": {}})] {
            assert_eq!(apply(&value, &diff(&value, &value)), Ok(value));
        }
        assert_eq!(diff(&json!({"a": 1}), &json!({"a": 1})), json!({}));
    }

    #[test]
    fn a_delta_for_another_base_is_a_misfit_and_never_a_panic() {
        for (base, delta) in [
            (json!(1), json!({})),
            (json!(1), json!(0)),
            (json!(1), json!([])),
            (json!(1), json!([1, 2])),
            (json!({}), json!({"a": 0})),
            (json!({}), json!({"a": {}})),
            (json!([]), json!({"#": 1})),
            (json!([]), json!({"#": 4_000_000_000u64})),
            (json!([]), json!({"#": -1})),
            (json!([1]), json!({"1": [2]})),
            (json!([1]), json!({"#": 0, "0": [2]})),
            (json!([1]), json!({"x": [2]})),
            (json!([1]), json!({"0": 0})),
        ] {
            assert_eq!(apply(&base, &delta), Err(Misfit), "{base} {delta}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(|b| json!(b)),
            (-3..4i64).prop_map(|n| json!(n)),
            (-3.0..3.0f64).prop_map(|n| json!(n)),
            "[a-c#0-2]{0,3}".prop_map(|text| json!(text)),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                prop::collection::btree_map("[a-c#0-2]{0,2}", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_delta_leads_from_its_base_to_what_it_was_made_for(a in value(), b in value()) {
            let delta = diff(&a, &b);
            prop_assert_eq!(apply(&a, &delta), Ok(b));
            // As it travels, too.
            let travelled: Value = serde_json::from_str(&delta.to_string()).unwrap();
            prop_assert_eq!(travelled, delta);
        }

        #[test]
        fn any_delta_on_any_base_is_a_value_or_a_misfit(a in value(), delta in value()) {
            let _ = apply(&a, &delta);
        }
    }
}
