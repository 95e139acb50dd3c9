//! Tests the router of `make watch`, which is in `Cargo.toml`.

use std::collections::BTreeMap;
use std::fs;

use gateway::endpoints::Endpoint;
use gateway_tests::project;

/// Routes and their functions, as `cargo lambda watch` reads them.
fn routes() -> BTreeMap<String, String> {
    let manifest: toml::Table = fs::read_to_string(project().join("Cargo.toml")).unwrap().parse().unwrap();
    let router = &manifest["workspace"]["metadata"]["lambda"]["watch"]["router"];
    let router = router.as_table().unwrap().iter();
    router.map(|(path, function)| (path.clone(), function.as_str().unwrap().to_owned())).collect()
}

/// Whether a route is for a path: `{name}` matches one segment, `{*name}` all remaining ones.
fn is_for(route: &str, path: &str) -> bool {
    let (mut route, mut path) = (route.split('/'), path.split('/'));
    loop {
        match (route.next(), path.next()) {
            (Some(wanted), Some(_)) if wanted.starts_with("{*") => return true,
            (Some(wanted), Some(found)) if wanted == found || wanted.starts_with('{') => {}
            (None, None) => return true,
            (_, _) => return false,
        }
    }
}

#[test]
fn every_path_reaches_the_function_that_answers_it() {
    let routes = routes();
    for path in super::PATHS {
        for prefix in ["/", "/v1/", "/v1/v1/"] {
            let path = format!("{prefix}{path}");
            let path = if path == "/" { &path } else { path.trim_end_matches('/') };
            // A route without placeholders has priority over one with placeholders.
            let route = routes.keys().filter(|route| is_for(route, path)).min_by_key(|route| route.matches('{').count());
            let function = Endpoint::function(Endpoint::of_path(path).as_ref());
            assert_eq!(route.map(|route| routes[route].as_str()), Some(function), "{path}");
        }
    }
}
