//! The columns of a table by their use, and the plan that a reader follows.

use super::advice;
use super::shown::{shown, trim};
use crate::error::{Context, Error, bail, ensure};
use std::collections::HashMap;

/// A choice of columns, each given by its name or, if no column has that name, by its number from 0 (-1 is the
/// last).
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice<'a> {
    /// The column of the labels.
    pub label: Option<&'a str>,
    /// The column of the sample weights.
    pub sample_weight: Option<&'a str>,
    /// Columns that are not features.
    pub ignore: &'a [String],
}

/// The columns of a table by their use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Columns {
    /// The column of the labels.
    pub label: Option<usize>,
    /// The column of the sample weights.
    pub sample_weight: Option<usize>,
    /// Columns that are not read.
    pub ignored: Vec<usize>,
    /// Columns at the end of the table that have no name, as lines that end in a delimiter make them. Their cells
    /// must be empty.
    pub dropped: Vec<usize>,
    /// All other columns.
    pub features: Vec<usize>,
}

impl Columns {
    /// The columns of a choice; all others are features. `file` is a name for messages.
    ///
    /// # Errors
    ///
    /// If there is no such column, two uses are of the same column, a feature has no name or that of another column,
    /// or no column is left for features.
    pub fn find(file: &str, names: &[String], choice: &Choice<'_>) -> Result<Self, Error> {
        let find = |which: &str| find_column(file, names, which);
        let label = choice.label.map(find).transpose()?;
        let sample_weight = choice.sample_weight.map(find).transpose()?;
        ensure!(
            label.is_none() || sample_weight != label,
            "label and sample weight are the same column, `{}`",
            label.map_or(String::new(), |label| shown(&names[label]))
        );
        let mut ignored = choice.ignore.iter().map(|which| find(which)).collect::<Result<Vec<_>, _>>()?;
        ignored.sort_unstable();
        ignored.dedup();
        for (column, use_) in [(label, "label"), (sample_weight, "sample weight")] {
            if let Some(column) = column.filter(|column| ignored.contains(column)) {
                bail!("the column `{}` is the {use_}, and cannot be ignored", shown(&names[column]));
            }
        }

        let used = |i: &usize| Some(*i) == label || Some(*i) == sample_weight || ignored.contains(i);
        let named = named(names);
        let dropped: Vec<usize> = (named..names.len()).filter(|i| !used(i)).collect();
        let features: Vec<usize> = (0..named).filter(|i| !used(i)).collect();
        let columns = Self { label, sample_weight, ignored, dropped, features };
        columns.check(file, names)?;
        Ok(columns)
    }

    /// Refuses features without a name of their own, and a table without features.
    fn check(&self, file: &str, names: &[String]) -> Result<(), Error> {
        ensure!(!self.features.is_empty(), "{file}: there is no column of features");
        if let Some(&column) = self.features.iter().find(|&&column| names[column].is_empty()) {
            bail!("{file}: column {} has no name: {}", column + 1, advice::nameless(column));
        }
        let mut seen = HashMap::new();
        for &column in self.features.iter().chain(&self.label).chain(&self.sample_weight) {
            if let Some(first) = seen.insert(&names[column], column) {
                let (first, second) = (first.min(column), first.max(column));
                bail!(
                    "{file}: two columns are called `{}`, {} and {}: rename one, or ignore it with `--ignore \
                     {second}`",
                    shown(&names[column]),
                    first + 1,
                    second + 1
                );
            }
        }
        Ok(())
    }

    /// The plan to read these of a table's columns.
    ///
    /// # Errors
    ///
    /// If one of them is not among that many columns.
    pub fn plan(&self, ncols: usize) -> Result<Plan, Error> {
        let all = self.features.iter().chain(&self.dropped).chain(&self.label).chain(&self.sample_weight);
        if let Some(column) = all.into_iter().find(|&&column| column >= ncols) {
            bail!("there is no column {column}, but {ncols} columns from 0 on");
        }
        let mut plan = Plan::new(ncols, &self.features);
        let roles = &mut plan.roles;
        self.dropped.iter().for_each(|&column| roles[column] = Role::Dropped);
        self.label.iter().for_each(|&column| roles[column] = Role::Label);
        self.sample_weight.iter().for_each(|&column| roles[column] = Role::SampleWeight);
        Ok(plan)
    }
}

/// What a reader does with a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing.
    Ignored,
    /// Nothing, but its cells must be empty.
    Dropped,
    /// Its numbers go to this place in the row of features.
    Feature(usize),
    Label,
    SampleWeight,
}

/// The columns of a table as a reader needs them: what it does with each, known before any row is read. Columns that
/// are not used are neither parsed nor stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// For each column of the table.
    pub(super) roles: Vec<Role>,
    /// The length of a row of features.
    pub(super) features: usize,
}

impl Plan {
    /// Every column of a table as a feature.
    #[must_use]
    pub fn all(ncols: usize) -> Self {
        Self { roles: (0..ncols).map(Role::Feature).collect(), features: ncols }
    }

    /// Some columns as features, in this order, and no others.
    pub(crate) fn new(ncols: usize, features: &[usize]) -> Self {
        let mut roles = vec![Role::Ignored; ncols];
        features.iter().enumerate().for_each(|(place, &column)| roles[column] = Role::Feature(place));
        Self { roles, features: features.len() }
    }

    /// The length of a row of features.
    #[must_use]
    pub fn width(&self) -> usize {
        self.features
    }

    /// The same with a column of labels.
    pub(crate) fn with_label(mut self, label: Option<usize>) -> Self {
        label.iter().for_each(|&column| self.roles[column] = Role::Label);
        self
    }

    /// The same without features.
    pub(crate) fn without_features(mut self) -> Self {
        for role in &mut self.roles {
            if matches!(role, Role::Feature(_)) {
                *role = Role::Ignored;
            }
        }
        self.features = 0;
        self
    }
}

/// The number of columns up to the last that has a name.
pub(super) fn named(names: &[String]) -> usize {
    names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1)
}

/// The names of columns in a file without names: their numbers from 0.
pub(super) fn unnamed(ncols: usize) -> Vec<String> {
    (0..ncols).map(|i| i.to_string()).collect()
}

/// The column of a name or, if no column has that name, of a number from 0; -1 is the last that has a name.
pub(crate) fn find_column(file: &str, names: &[String], which: &str) -> Result<usize, Error> {
    let name = trim(which);
    let mut same = (0..names.len()).filter(|&i| !name.is_empty() && names[i] == name);
    if let Some(found) = same.next() {
        if let Some(second) = same.next() {
            bail!(
                "{file}: two columns are called `{}`: name one by its number, {found} or {second}",
                shown(name)
            );
        }
        return Ok(found);
    }
    let by_number = || {
        let number: isize = which.parse().ok()?;
        if number < 0 { named(names).checked_add_signed(number) } else { usize::try_from(number).ok() }
            .filter(|&number| number < names.len())
    };
    by_number().with_context(|| {
        let some: Vec<String> = names.iter().take(8).map(|name| format!("`{}`", shown(name))).collect();
        let more = if names.len() > 8 { ", …" } else { "" };
        format!("{file}: there is no column `{}`, but {}{more}", shown(which), some.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::{Choice, Columns, Plan, Role};

    fn find(
        names: &[&str],
        label: Option<&str>,
        weight: Option<&str>,
        ignore: &[&str],
    ) -> Result<Columns, String> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let ignore: Vec<String> = ignore.iter().map(|&name| name.to_owned()).collect();
        let choice = Choice { label, sample_weight: weight, ignore: &ignore };
        Columns::find("a.csv", &names, &choice).map_err(|error| error.to_string())
    }

    #[test]
    fn columns_have_names_and_numbers() {
        let columns = find(&["id", "a", "b", "y", "s"], Some("y"), Some("-1"), &["0"]).unwrap();
        assert_eq!(columns.features, [1, 2]);
        assert_eq!(
            (columns.label, columns.sample_weight, columns.ignored.as_slice()),
            (Some(3), Some(4), &[0][..])
        );
        let roles = [Role::Ignored, Role::Feature(0), Role::Feature(1), Role::Label, Role::SampleWeight];
        assert_eq!(columns.plan(5).unwrap(), Plan { roles: roles.to_vec(), features: 2 });
        assert!(columns.plan(4).is_err());
        // A name comes before a number.
        assert_eq!(find(&["1", "0"], Some("1"), None, &[]).unwrap().label, Some(0));
        assert_eq!(find(&["a", "b"], None, None, &["b", "1", "b"]).unwrap().ignored, [1]);
    }

    #[test]
    fn columns_without_a_name_at_the_end_are_dropped() {
        let columns = find(&["a", "y", "", ""], Some("-1"), None, &[]).unwrap();
        assert_eq!((columns.label, columns.dropped.as_slice()), (Some(1), &[2, 3][..]));
        assert_eq!(columns.plan(4).unwrap().roles[2..], [Role::Dropped; 2]);
        // Unless they are used, or ignored: their cells may be anything then.
        let columns = find(&["a", "y", "", ""], Some("2"), None, &["3"]).unwrap();
        assert_eq!((columns.label, columns.features, columns.dropped), (Some(2), vec![0, 1], vec![]));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let refused =
            |names: &[&str], label, weight, ignore: &[&str]| find(names, label, weight, ignore).unwrap_err();
        assert_eq!(refused(&["x", "z"], Some("y"), None, &[]), "a.csv: there is no column `y`, but `x`, `z`");
        for which in ["2", "-3", "", "9999999999999999999999"] {
            assert!(refused(&["x", "z"], Some(which), None, &[]).contains("there is no column"));
        }
        assert!(refused(&["x", "z"], Some("x"), Some("0"), &[]).contains("the same column, `x`"));
        assert_eq!(
            refused(&["x", "z"], Some("x"), None, &["-2"]),
            "the column `x` is the label, and cannot be ignored"
        );
        assert!(refused(&["x", "z"], Some("x"), None, &["z"]).contains("there is no column of features"));
        assert_eq!(
            refused(&["", "x", "y"], Some("y"), None, &[]),
            "a.csv: column 1 has no name: give it a name in the header line to keep it, or ignore it with `--ignore 0`"
        );
        assert!(find(&["", "x", "y"], Some("y"), None, &["0"]).is_ok());
        assert!(refused(&["x", "x", "y"], Some("y"), None, &[]).contains("called `x`, 1 and 2"));
        assert!(refused(&["x", "x", "y"], Some("y"), None, &["x"]).contains("by its number, 0 or 1"));
        assert_eq!(find(&["x", "x", "y"], Some("y"), None, &["1"]).unwrap().features, [0]);
    }
}
