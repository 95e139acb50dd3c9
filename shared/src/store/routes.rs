//! Route states: one query reads all of them, and each write is conditional on the state that its writer read.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::items::{ACCUSED, ROUTES, RouteName, RouteState, number, text};
use super::{Store, StoreError, failure};

impl Store {
    /// All routes that have a state.
    pub async fn route_states(&self) -> Result<HashMap<RouteName, RouteState>, StoreError> {
        let query = self.calls.reads.query().table_name(&self.table).key_condition_expression("pk = :pk");
        let mut pages = query.expression_attribute_values(":pk", text(ROUTES)).into_paginator().items().send();
        let mut states = HashMap::new();
        while let Some(item) = pages.next().await {
            let (name, state) = RouteState::read(&item.map_err(|error| failure(&error))?)?;
            states.insert(name, state);
        }
        Ok(states)
    }

    /// Counts a failure of a key's requests and returns the new state.
    pub async fn count_route_failure(&self, route: &RouteName, accused: Vec<String>) -> Result<RouteState, StoreError> {
        let update = self.route_update(route, "ADD failures :one, #accused :accused SET #v = :v, #ttl = :ttl");
        let update = update
            .expression_attribute_names("#accused", ACCUSED)
            .expression_attribute_values(":accused", AttributeValue::Ss(accused))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew);
        let output = update.send().await.map_err(|error| failure(&error))?;
        RouteState::read(&output.attributes.unwrap_or_default()).map(|(_, state)| state)
    }

    /// Changes a route's state if its circuit still opens at `seen`. Returns false if another environment was first. Removes
    /// the ids of the affected keys.
    pub async fn change_route(&self, route: &RouteName, seen: u64, state: RouteState) -> Result<bool, StoreError> {
        let RouteState { failures, keys: _, open_until, cool_down, is_gone } = state;
        let expression = "SET failures = :failures, open_until = :open, cool_down = :cool_down, gone = :gone, \
             #v = :v, #ttl = :ttl REMOVE #accused";
        let unchanged =
            if seen == 0 { "attribute_not_exists(open_until) OR open_until = :seen" } else { "open_until = :seen" };
        let update = self
            .route_update(route, expression)
            .condition_expression(unchanged)
            .expression_attribute_names("#accused", ACCUSED)
            .expression_attribute_values(":failures", number(failures))
            .expression_attribute_values(":open", number(open_until))
            .expression_attribute_values(":cool_down", number(cool_down))
            .expression_attribute_values(":gone", AttributeValue::Bool(is_gone))
            .expression_attribute_values(":seen", number(seen));
        match update.send().await.map_err(|error| failure(&error)) {
            Ok(_) => Ok(true),
            Err(StoreError::Condition(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn route_update(&self, route: &RouteName, expression: &str) -> UpdateItemFluentBuilder {
        let update = self.calls.reads.update_item().table_name(&self.table).set_key(Some(route.key()));
        update
            .update_expression(expression)
            .expression_attribute_names("#v", "v")
            .expression_attribute_values(":v", number(1))
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", number(RouteState::ttl()))
    }
}
