//! What Kubernetes adds to CEL, as far as the schemas that are known here use it.

use crate::api::gateway::Duration;
use crate::api::names;
use cel::common::ast::{CallExpr, Expr, LiteralValue};
use cel::common::types::{CelBool, CelInt, CelList, CelOptional, CelString, STRING_TYPE};
use cel::common::value::{CowVal, Val};
use cel::parser::Macro;
use cel::{DeclarationError, Env, ExecutionError};
use regex::Regex;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// The functions and types that rules may use.
pub(super) fn environment() -> &'static Arc<Env> {
    static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
        let mut environment = Env::stdlib();
        // Fails only if a name is taken. A rule that uses the missing function is then reported as
        // not judged, and the test that judges every rule of the fixtures fails.
        let _ = extend(&mut environment);
        Arc::new(environment)
    });
    &ENVIRONMENT
}

fn extend(env: &mut Env) -> Result<(), DeclarationError> {
    cel::extensions::strings(env)?;
    cel::extensions::lists(env)?;
    env.add_overload("duration", "tidegate_duration", vec![STRING_TYPE], duration)?;
    for (name, id, function) in FORMATS {
        env.add_overload(name, id, vec![], *function)?;
    }
    env.add_member_overload("validate", "tidegate_validate", STRING_TYPE, vec![STRING_TYPE], validate)?;
    env.add_member_overload(MATCHES, "tidegate_matches", STRING_TYPE, vec![STRING_TYPE], matches)?;
    env.add_macro(Macro::receiver("matches", 1, |helper, target, args| {
        if !matches!(args.first().map(|arg| &arg.expr), Some(Expr::Literal(LiteralValue::String(_)))) {
            return Ok(None);
        }
        let call = CallExpr {
            func_name: MATCHES.to_owned(),
            target: target.take().map(Box::new),
            args: std::mem::take(args),
        };
        Ok(Some(helper.next_expr(Expr::Call(call))))
    }))
}

/// A field's name as rules spell it: CEL reserves some words, and not every character is part of
/// an identifier.
pub(super) fn escape(name: &str) -> CelString<'_> {
    const RESERVED: [&str; 21] = [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ];
    if RESERVED.contains(&name) {
        return CelString::from(format!("__{name}__"));
    }
    if !name.contains("__") && !name.contains(['.', '-', '/']) {
        return CelString::from(name);
    }
    let name = name.replace("__", "__underscores__").replace('.', "__dot__");
    CelString::from(name.replace('-', "__dash__").replace('/', "__slash__"))
}

fn text<'a>(args: &'a [CowVal<'_, '_>], index: usize) -> Result<&'a str, ExecutionError> {
    let arg = args.get(index).and_then(|arg| arg.downcast_ref::<CelString<'_>>());
    arg.map(CelString::inner).ok_or_else(ExecutionError::missing_argument_or_target)
}

/// A duration stands as its nanoseconds: rules only compare them.
fn duration<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let text = text(&args, 0)?;
    let duration = Duration(text.to_owned()).parse();
    let nanos = duration.and_then(|duration| i64::try_from(duration.as_nanos()).ok());
    let nanos = nanos.ok_or_else(|| ExecutionError::InternalError(format!("unknown duration {text}")))?;
    Ok(CowVal::owned(CelInt::from(nanos)))
}

type Function = for<'b, 'v> fn(Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError>;

/// `format.x()` gives a format that has a method `validate`; here it stands as its own name.
const FORMATS: &[(&str, &str, Function)] = &[
    ("format.dns1123Label", "tidegate_dns_1123_label", |_| named(LABEL)),
    ("format.dns1123Subdomain", "tidegate_dns_1123_subdomain", |_| named(SUBDOMAIN)),
];
const LABEL: &str = "dns1123Label";
const SUBDOMAIN: &str = "dns1123Subdomain";

fn named<'b, 'v>(name: &'static str) -> Result<CowVal<'b, 'v>, ExecutionError> {
    Ok(CowVal::owned(CelString::from(name)))
}

/// Nothing, if the text has the format; else what is wrong, one or more sentences.
fn validate<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (format, text) = (text(&args, 0)?, text(&args, 1)?);
    let valid = match format {
        LABEL => names::is_label(text),
        SUBDOMAIN => names::is_subdomain(text),
        other => return Err(ExecutionError::undeclared_reference(other)),
    };
    let wrong =
        || -> Box<dyn Val> { Box::new(CelList::from(vec![Box::new(CelString::from("invalid")) as _])) };
    Ok(CowVal::owned(if valid { CelOptional::none() } else { CelOptional::of(wrong()) }))
}

/// What `matches` with a literal pattern is compiled to.
const MATCHES: &str = "tidegate_matches";

thread_local! {
    /// The standard `matches` compiles its pattern each time. Only literals come here, so there are
    /// no more entries than rules.
    static PATTERNS: RefCell<HashMap<String, Regex>> = RefCell::default();
}

fn matches<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (text, pattern) = (text(&args, 0)?, text(&args, 1)?);
    PATTERNS.with_borrow_mut(|patterns| {
        if !patterns.contains_key(pattern) {
            let regex =
                Regex::new(pattern).map_err(|error| ExecutionError::InternalError(error.to_string()))?;
            patterns.insert(pattern.to_owned(), regex);
        }
        let matches = patterns.get(pattern).is_some_and(|regex| regex.is_match(text));
        Ok(CowVal::owned(CelBool::from(matches)))
    })
}
