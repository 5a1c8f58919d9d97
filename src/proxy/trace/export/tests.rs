use super::*;
use crate::telemetry::otlp::PartialSuccess;

fn said(rejected_spans: i64) -> ExportResponse {
    let partial_success = PartialSuccess { rejected_spans, error_message: String::new() };
    ExportResponse { partial_success: Some(partial_success) }
}

#[test]
fn the_status_of_a_call_says_whether_to_try_again() {
    assert_eq!(by_call(Ok(ExportResponse::default())), Outcome::Taken { rejected: 0 });
    assert_eq!(by_call(Ok(said(3))), Outcome::Taken { rejected: 3 });
    assert_eq!(by_call(Ok(said(-3))), Outcome::Taken { rejected: 0 });
    for status in 1..=17 {
        let again = matches!(by_call(Err(rpc::NoReply(Some(status)))), Outcome::Later(..));
        assert_eq!(again, [1, 4, 8, 10, 11, 14, 15].contains(&status), "{status}");
    }
    assert!(matches!(by_call(Err(rpc::NoReply(None))), Outcome::Later(..)));
}

fn answer(status: u16, after: Option<&'static str>, body: Vec<u8>) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::full(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    if let Some(after) = after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(after));
    }
    response
}

#[tokio::test]
async fn the_status_of_an_answer_says_whether_to_try_again() {
    assert_eq!(by_http(answer(200, None, said(2).encode_to_vec())).await, Outcome::Taken { rejected: 2 });
    assert_eq!(by_http(answer(202, None, Vec::new())).await, Outcome::Taken { rejected: 0 });
    assert_eq!(by_http(answer(200, None, b"{}".to_vec())).await, Outcome::Taken { rejected: 0 });
    for status in [429, 502, 503, 504] {
        let later = |after| Outcome::Later(format!("status {status}"), after);
        assert_eq!(by_http(answer(status, None, Vec::new())).await, later(None));
        assert_eq!(by_http(answer(status, Some("7"), Vec::new())).await, later(Some(Duration::from_secs(7))));
        assert_eq!(by_http(answer(status, Some("soon"), Vec::new())).await, later(None));
    }
    for status in [301, 400, 401, 404, 413, 500] {
        let refused = Outcome::Refused(format!("status {status}"));
        assert_eq!(by_http(answer(status, Some("7"), Vec::new())).await, refused);
    }
}
