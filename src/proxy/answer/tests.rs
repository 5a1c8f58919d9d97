use super::*;

fn calls(version: Version, content_type: &str) -> bool {
    let request = http::Request::builder().version(version).header(CONTENT_TYPE, content_type);
    is_rpc(&request.body(()).unwrap().into_parts().0)
}

#[test]
fn calls_are_known_by_version_and_type() {
    for content_type in ["application/grpc", "application/grpc+proto", "Application/gRPC;x=y"] {
        assert!(calls(Version::HTTP_2, content_type), "{content_type}");
        assert!(!calls(Version::HTTP_11, content_type), "{content_type}");
    }
    for content_type in ["application/grpc-web", "application/grpc-web+proto", "application/json", ""] {
        assert!(!calls(Version::HTTP_2, content_type), "{content_type}");
    }
}

#[test]
fn each_reason_has_the_status_that_grpc_gives_it() {
    let unavailable = [
        Reason::NoBackends,
        Reason::BackendNotFound,
        Reason::InvalidBackend,
        Reason::InvalidBackendTls,
        Reason::RefNotPermitted,
        Reason::NoReadyTargets,
        Reason::ForbiddenTarget,
        Reason::AuthUnavailable,
        Reason::ConnectFailed,
        Reason::ConnectTimeout,
        Reason::UpstreamReset,
        Reason::UpstreamProtocolError,
        Reason::UpstreamTimeout,
        Reason::RouteTimeout,
        Reason::Draining,
    ];
    for reason in Reason::ALL {
        let expected = match reason {
            Reason::DeadlineExceeded => "4",
            Reason::NoRoute => "12",
            Reason::CorsPreflightRefused | Reason::AuthDenied => "7",
            Reason::BadRequest => "13",
            reason if unavailable.contains(&reason) => "14",
            _ => "2",
        };
        assert_eq!(rpc_status(reason), expected, "{reason:?}");
    }
}

#[test]
fn a_call_is_answered_by_a_head_alone() {
    let answer = rpc(Reason::NoRoute);
    assert_eq!(answer.status(), StatusCode::OK);
    let text = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        (text("content-type"), text("grpc-status"), text("grpc-message")),
        ("application/grpc".to_owned(), "12".to_owned(), "NoRoute".to_owned())
    );
    assert!(http_body::Body::is_end_stream(answer.body()));
}
