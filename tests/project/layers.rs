//! The floors of the library: a module imports only from floors below its own, and by the module's path.
//!
//! `src/lib.rs` lists the floors from the ground up, with an empty line between two of them. Read are the
//! imports and the paths in expressions of every source file: those that start with `crate`, `super` or `self`,
//! as no other path leads out of a module.

use super::sources;

/// A piece of code: a word, `::`, or any other character.
#[derive(Debug, PartialEq)]
struct Token {
    text: String,
    line: usize,
}

/// The code of a file, without comments, strings and characters.
fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let len = match first {
            _ if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            _ if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            'r' if rest.starts_with("r\"") => rest[2..].find('"').map_or(rest.len(), |end| end + 3),
            'r' if rest.starts_with("r#\"") => rest[3..].find("\"#").map_or(rest.len(), |end| end + 5),
            '"' => quoted(rest, '"'),
            // A character, not a lifetime.
            '\'' if rest[1..].starts_with('\\') || rest.chars().nth(2) == Some('\'') => quoted(rest, '\''),
            _ if rest.starts_with("::") => {
                tokens.push(Token { text: "::".to_owned(), line });
                2
            }
            _ if is_word(first) => {
                let len = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                tokens.push(Token { text: rest[..len].to_owned(), line });
                len
            }
            _ => {
                if !first.is_whitespace() {
                    tokens.push(Token { text: first.to_string(), line });
                }
                first.len_utf8()
            }
        };
        line += rest[..len].matches('\n').count();
        rest = &rest[len..];
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of a string or character with its quotes.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return i + 1,
            _ => {}
        }
    }
    text.len()
}

/// A path that leads out of a module, from the crate's root on, and its line.
type Import = (Vec<String>, usize);

/// The paths of a file's code that start with `crate`, `super` or `self`; `module` is the path of its module.
fn imports(module: &[&str], source: &str) -> Vec<Import> {
    let tokens = tokens(source);
    let text = |i: usize| tokens.get(i).map_or("", |token| &*token.text);
    // The modules inside of the file that the code is in, with the depths of braces around them.
    let (mut inner, mut depth): (Vec<(String, usize)>, usize) = (Vec::new(), 0);
    let mut imports = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        match &*token.text {
            "{" => {
                if i >= 2 && text(i - 2) == "mod" {
                    inner.push((text(i - 1).to_owned(), depth));
                }
                depth += 1;
            }
            "}" => {
                depth = depth.checked_sub(1).expect("braces match");
                inner.pop_if(|(_, before)| *before == depth);
            }
            "crate" if text(i + 1) == "as" => imports.push((Vec::new(), token.line)),
            start @ ("crate" | "super" | "self")
                if text(i + 1) == "::" && (i == 0 || text(i - 1) != "::") =>
            {
                let here = module.iter().map(|name| (*name).to_owned());
                let here: Vec<String> = here.chain(inner.iter().map(|(name, _)| name.clone())).collect();
                let from = match start {
                    "crate" => &[],
                    "super" => &here[..here.len().saturating_sub(1)],
                    _ => &here[..],
                };
                follow(&tokens, i + 2, from.to_vec(), &mut imports);
            }
            _ => {}
        }
    }
    imports
}

/// The paths that go on from `path` at a token, each branch of a group in braces one of its own; returns where
/// they end.
fn follow(tokens: &[Token], mut i: usize, mut path: Vec<String>, imports: &mut Vec<Import>) -> usize {
    let text = |i: usize| tokens.get(i).map_or("", |token| &*token.text);
    loop {
        match text(i) {
            "{" => {
                i += 1;
                while !matches!(text(i), "}" | "") {
                    i = follow(tokens, i, path.clone(), imports);
                    while !matches!(text(i), "," | "}" | "") {
                        i += 1; // `as` and a name
                    }
                    if text(i) == "," {
                        i += 1;
                    }
                }
                return i + 1;
            }
            "super" => drop(path.pop()),
            "self" => {}
            name => path.push(name.to_owned()),
        }
        if text(i + 1) != "::" {
            imports.push((path, tokens[i].line));
            return i + 1;
        }
        i += 2;
    }
}

/// The modules of the library by their floors, from the ground up, as the crate's root lists them.
fn floors(root: &str) -> Vec<Vec<String>> {
    let list = root.split("// The floors,").nth(1).expect("the list of floors");
    let list = list.split("#[cfg(doc)]").next().expect("its end");
    let name = |line: &str| -> Option<String> {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        Some(line.strip_prefix("mod ")?.strip_suffix(';')?.to_owned())
    };
    let floors = list.split("\n\n").map(|floor| floor.lines().filter_map(name).collect::<Vec<_>>());
    floors.filter(|floor| !floor.is_empty()).collect()
}

/// What is wrong with the imports of a file.
fn faults(floors: &[Vec<String>], file: &str, source: &str) -> Vec<String> {
    let module: Vec<&str> = file.trim_start_matches("src/").trim_end_matches(".rs").split('/').collect();
    let floor = |name: &str| floors.iter().position(|floor| floor.iter().any(|module| module == name));
    let own = floor(module[0]).unwrap_or_else(|| panic!("{file} is of no floor"));
    let mut faults = Vec::new();
    for (path, line) in imports(&module, source) {
        let first = path.first().map_or("", |name| &**name);
        match floor(first) {
            _ if first == module[0] => {}
            None => {
                faults.push(format!("{file}:{line}: `{}` is not imported by its module", path.join("::")))
            }
            Some(other) if other >= own => {
                faults.push(format!("{file}:{line}: `{first}` is not below `{}`", module[0]));
            }
            Some(_) => {}
        }
    }
    faults
}

const ROOT: &str = include_str!("../../src/lib.rs");

#[test]
fn modules_import_from_floors_below() {
    let mut files = sources("src");
    files.retain(|(name, _)| name != "src/lib.rs");
    let floors = floors(ROOT);
    assert!(floors.len() > 5 && files.len() > 30, "{floors:?}");
    let faults: Vec<String> = files.iter().flat_map(|(name, text)| faults(&floors, name, text)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_floors_are_those_of_the_architecture() {
    let text = include_str!("../../ARCHITECTURE.md");
    let rows = text.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit());
    let modules = |row: &str| -> Vec<String> {
        row.split('|')
            .nth(2)
            .expect("modules")
            .split_whitespace()
            .map(|name| name.trim_matches('`').to_owned())
            .collect()
    };
    assert_eq!(rows.map(modules).collect::<Vec<_>>(), floors(ROOT));
}

#[test]
fn an_import_from_above_is_found() {
    let floors = floors(ROOT);
    for (file, source, fault) in [
        ("src/simd.rs", "//! A\nuse crate::isa::Isa;", "src/simd.rs:2: `isa` is not below `simd`"),
        ("src/error.rs", "use crate::simd::Lane;", "src/error.rs:1: `simd` is not below `error`"),
        (
            "src/rows/batch.rs",
            "fn f() {\n    crate::engine::Engine::new();\n}",
            "src/rows/batch.rs:2: `engine` is not below `rows`",
        ),
        (
            "src/pass/dot.rs",
            "use super::super::compiled::X;",
            "src/pass/dot.rs:1: `compiled` is not below `pass`",
        ),
        (
            "src/tree.rs",
            "mod tests {\n    mod more {\n        use super::super::super::sum;\n    }\n}",
            "src/tree.rs:3: `sum` is not below `tree`",
        ),
        ("src/math.rs", "use crate::{num::Float, rows};", "src/math.rs:1: `rows` is not below `math`"),
        (
            "src/sum.rs",
            "use crate::{rows::{Rows as R, Batch}, stream::{self, X}};",
            "src/sum.rs:1: `stream` is not below `sum`",
        ),
        (
            "src/isa.rs",
            "macro_rules! m { () => { $crate::pass::dot() } }",
            "src/isa.rs:1: `pass` is not below `isa`",
        ),
        ("src/kernels.rs", "use crate as lanegrad;", "src/kernels.rs:1: `` is not imported by its module"),
        ("src/kernels.rs", "use crate::*;", "src/kernels.rs:1: `*` is not imported by its module"),
        ("src/kernels.rs", "use crate::Isa;", "src/kernels.rs:1: `Isa` is not imported by its module"),
        (
            "src/roofline.rs",
            "use crate::baseline::dot;",
            "src/roofline.rs:1: `baseline` is not below `roofline`",
        ),
    ] {
        assert!(
            faults(&floors, file, source).contains(&fault.to_owned()),
            "{:?}",
            faults(&floors, file, source)
        );
    }
}

#[test]
fn what_is_no_import_from_above_passes() {
    let floors = floors(ROOT);
    for (file, source) in [
        ("src/simd.rs", "/// See [`crate::engine::Engine`].\nuse crate::num::Float;"),
        (
            "src/simd/avx2.rs",
            "use super::{Lane, two::Two}; const X: &str = \"crate::engine\"; fn f<'a>(x: &'a str) {}",
        ),
        ("src/tree.rs", "mod tests { use super::Tree; } pub(crate) use self::nodes::Nodes;"),
        ("src/sum/wire.rs", "pub(in crate::sum) fn f(c: char) -> bool { c == '\"' || c == '\\'' }"),
        ("src/engine.rs", "use crate::{rows::Rows as R, sum::{self, Gradient}};"),
    ] {
        assert_eq!(faults(&floors, file, source), [""; 0], "{source}");
    }
}
