//! The signature of a webhook, as Standard Webhooks 1.0 has it: an HMAC-SHA256 over the id, the time and the body, so that a
//! receiver knows who sent it, that nothing was changed, and that it is not an old one sent again.
//!
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{HeaderName, HeaderValue};
use ring::hmac;

use crate::clock::Timestamp;
use crate::fleet::secret::Secret;

/// How a secret begins that is written in base64, as the libraries of Standard Webhooks write it.
const BASE64: &str = "whsec_";

/// The three headers. The error never holds any part of the secret.
pub(super) fn headers(
    secret: &Secret,
    id: &str,
    now: Timestamp,
    body: &[u8],
) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let clear = secret.expose();
    let key = match clear.strip_prefix(BASE64) {
        Some(encoded) => STANDARD
            .decode(encoded)
            .map_err(|_secret| format!("the secret begins with {BASE64}, and what follows is not base64"))?,
        None => clear.as_bytes().to_vec(),
    };
    let time = now.as_second().to_string();
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key));
    for part in [id.as_bytes(), b".", time.as_bytes(), b".", body] {
        context.update(part);
    }
    let signature = format!("v1,{}", STANDARD.encode(context.sign()));
    let pairs = [("webhook-id", id.to_owned()), ("webhook-timestamp", time), ("webhook-signature", signature)];
    let header = |(name, value): (&'static str, String)| {
        Ok((HeaderName::from_static(name), HeaderValue::try_from(value).map_err(|error| error.to_string())?))
    };
    pairs.into_iter().map(header).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the libraries of Standard Webhooks.
    #[test]
    fn it_is_that_of_standard_webhooks() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let headers = headers(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b"{\"test\": 2432232314}").unwrap();
        let said: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        let wanted = [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ];
        assert_eq!(said, wanted);
    }

    #[test]
    fn a_secret_that_is_no_base64_is_named_without_itself() {
        let why = headers(&Secret::new("whsec_!hunter2"), "i", Timestamp::UNIX_EPOCH, b"").unwrap_err();
        assert!(why.contains("not base64") && !why.contains("hunter2"), "{why}");
        assert!(headers(&Secret::new("hunter2"), "i", Timestamp::UNIX_EPOCH, b"").is_ok());
    }
}
