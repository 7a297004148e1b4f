//! Putting things behind what they need.

use std::collections::BTreeSet;

/// Each behind those that it needs; what needs each other in a circle stays last, in the order given. `needs` is told which are
/// still waiting and must not count the thing itself.
pub(crate) fn needed_first<T, Id: Ord>(
    mut waiting: Vec<T>,
    id: impl Fn(&T) -> Id,
    needs: impl Fn(&T, &BTreeSet<Id>) -> bool,
) -> Vec<T> {
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let ids = waiting.iter().map(&id).collect();
        let (blocked, ready): (Vec<T>, Vec<T>) = waiting.into_iter().partition(|thing| needs(thing, &ids));
        if ready.is_empty() {
            ordered.extend(blocked);
            return ordered;
        }
        ordered.extend(ready);
        waiting = blocked;
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_comes_first_and_a_circle_last() {
        // 3 needs 2, 2 needs 1; 4 and 5 need each other; 6 needs what is not there.
        let needs = |thing: &u32, waiting: &BTreeSet<u32>| {
            let needed = [(3, 2), (2, 1), (4, 5), (5, 4), (6, 7)];
            needed.iter().any(|(who, what)| who == thing && waiting.contains(what))
        };
        assert_eq!(needed_first(vec![4, 3, 2, 6, 1, 5], |thing| *thing, needs), [6, 1, 2, 3, 4, 5]);
    }
}
