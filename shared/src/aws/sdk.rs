//! Replaces the steps of an SDK call that a function does not need, or needs only once.

use aws_credential_types::Credentials;
use aws_runtime::auth::sigv4::SCHEME_ID;
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::service_clock_skew::ServiceClockSkewInterceptor;
use aws_runtime::user_agent::UserAgentInterceptor;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::{AuthScheme, AuthSchemeEndpointConfig, AuthSchemeId, Sign};
use aws_smithy_runtime_api::client::identity::{Identity, SharedIdentityResolver};
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, disable_interceptor, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::{GetIdentityResolver, RuntimeComponents};
use aws_smithy_types::config_bag::ConfigBag;
use url::Url;

use super::signature::{Signer, Unsigned};

/// Signs with a signing key that is cached for the day. It replaces the SDK's own scheme under the same name.
#[derive(Debug)]
pub struct KeptKey(Signer);

impl KeptKey {
    /// Signs for this service in this region.
    pub const fn new(region: String, service: &'static str) -> Self {
        Self(Signer::new(region, service))
    }
}

impl AuthScheme for KeptKey {
    fn scheme_id(&self) -> AuthSchemeId {
        SCHEME_ID
    }

    fn identity_resolver(&self, resolvers: &dyn GetIdentityResolver) -> Option<SharedIdentityResolver> {
        resolvers.identity_resolver(self.scheme_id())
    }

    fn signer(&self) -> &dyn Sign {
        self
    }
}

impl Sign for KeptKey {
    fn sign_http_request(
        &self,
        request: &mut HttpRequest,
        identity: &Identity,
        _: AuthSchemeEndpointConfig<'_>,
        components: &RuntimeComponents,
        _: &ConfigBag,
    ) -> Result<(), BoxError> {
        let credentials = identity.data::<Credentials>().ok_or("an identity without credentials")?;
        let body = request.body().bytes().ok_or("a body that is not in memory")?;
        let url = Url::parse(request.uri())?;
        // The headers that AWS requires to be signed: the host, the type of the body, and its own.
        let is_signed = |name: &str| name == "content-type" || name.starts_with("x-amz-");
        let headers: Vec<(&str, &str)> = request.headers().iter().filter(|(name, _)| is_signed(name)).collect();
        let at = components.time_source().unwrap_or_default().now();
        let added = self.0.sign(&Unsigned { url: &url, headers: &headers, body }, credentials, at);
        for (name, value) in added {
            request.headers_mut().try_insert(name, value)?;
        }
        Ok(())
    }
}

/// Switches off the headers that only describe the caller: the SDK's name and version, the call's number and attempt. It
/// also switches off the clock correction: Lambda's clock is correct, and ledger writes have only one attempt.
#[derive(Debug)]
pub struct WithoutDescriptions;

#[dyn_dispatch_hint]
impl Intercept for WithoutDescriptions {
    fn name(&self) -> &'static str {
        "WithoutDescriptions"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let state = config.interceptor_state();
        state.store_put(disable_interceptor::<UserAgentInterceptor>("no one reads the SDK's version"));
        state.store_put(disable_interceptor::<InvocationIdInterceptor>("calls are told apart by their requests"));
        state.store_put(disable_interceptor::<RequestInfoInterceptor>("attempts are the protocol's to count"));
        state.store_put(disable_interceptor::<ServiceClockSkewInterceptor>("the clock is right"));
        Ok(())
    }
}
