use super::*;
use crate::evaluate::Interval;
use crate::plot::{Curve, CurveFigure, CurvePoint, Draw, Scale};

/// Fails where a page names anything outside itself or runs anything.
pub(crate) fn stands_alone(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>"), "{}", &page[..40]);
    let lower = page.to_lowercase();
    for outside in [
        "<script",
        "<link",
        "<iframe",
        "<img",
        "@import",
        "url(",
        " src=",
        "javascript:",
    ] {
        assert!(!lower.contains(outside), "{outside}");
    }
    for (at, _) in lower.match_indices("href=") {
        assert_eq!(&lower[at..at + 7], "href=\"#", "{}", &lower[at..at + 40]);
    }
    for (at, _) in lower.match_indices("://") {
        let before = &lower[lower[..at].rfind('<').unwrap_or(0)..at];
        // In words it is no reference.
        assert!(before.contains('>'), "{before}");
    }
}

#[test]
fn text_is_escaped_wherever_it_stands() {
    let hostile = "</title><script>alert(\"x\")</script>'&";
    let rows = [(false, vec![Cell::text(hostile), Cell::number(hostile)])];
    let point = |x, y, half_width| CurvePoint { x, y, half_width };
    let curves = [hostile, "other"].map(|name| Curve {
        name: name.into(),
        points: vec![
            point(0.0, 1.0, Some(0.1)),
            point(1.0, f64::NAN, Some(0.1)),
            point(2.0, 3.0, Some(f64::NAN)),
        ],
    });
    let curves = CurveFigure {
        title: hostile.into(),
        subtitle: hostile.into(),
        x_name: hostile.into(),
        y_name: "y".into(),
        scale: Scale::Linear,
        smooth: None,
        curves: curves.into(),
    };
    let picture = curves.to_markup(hostile, 480.0).unwrap();
    let body = html! {
        (table(hostile, &[hostile, "b"], &rows))
        (section("a", hostile, &figure(&picture, hostile)))
    };
    let page = document(hostile, &body);
    stands_alone(&page);
    let escaped = "&lt;/title&gt;&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;";
    // Title, table (label, caption, head, two cells), heading, legend, label, axis,
    // caption.
    assert_eq!(page.matches(escaped).count(), 11);
}

#[test]
fn numbers_as_they_are_written() {
    for (value, text) in [
        (0.0, "0"),
        (0.012345, "0.0123"),
        (1.0, "1.00"),
        (123.4, "123"),
        (-54321.0, "-54321"),
        (1e9, "1.0e9"),
        (2e-7, "2.0e-7"),
        (f64::NAN, "not finite"),
    ] {
        assert_eq!(number::plain(value), text);
    }
    let of = |mean, half_width| Interval { mean, half_width };
    assert_eq!(number::interval(of(0.02871, 0.0044)), "0.0287 ± 0.0044");
    assert_eq!(number::interval(of(2.9, 0.18)), "2.90 ± 0.18");
    assert_eq!(number::interval(of(2.9, f64::INFINITY)), "2.90");
    assert_eq!(number::interval(of(f64::NAN, 0.1)), "not finite");
    assert_eq!(number::percent(of(0.7368, 0.0091)), "73.7 ± 0.9 %");
    assert_eq!(number::count(1_234_567), "1\u{202f}234\u{202f}567");
    assert_eq!(number::count(999), "999");
    assert_eq!(number::rough(0), "0");
    assert_eq!(number::rough(4_235_000), "4.24 M");
    assert_eq!(number::kib(1536), "1.5 KiB");
    assert_eq!(number::seconds(0.0042), "4.20 ms");
    assert_eq!(number::counted(1, "shot"), "1 shot");
}
