//! What holds for every translation, over the project's own fixtures, over recorded traffic where a folder of it is at hand,
//! and over made-up requests and replies.

mod alike;
mod answers;
mod call_shapes;
mod claude;
mod counts;
mod dependents;
mod dialects;
mod endings;
mod folding;
mod frame_shapes;
mod generated;
mod generations;
mod judged;
mod losses;
mod made_up;
mod modalities;
mod naming;
mod odd_names;
mod odd_requests;
mod older_form;
mod open_models;
mod openrouter;
mod openrouter_claude;
mod openrouter_media;
mod replies;
mod reply_rules;
mod reply_shapes;
mod requests;
mod responses;
mod settings;
mod spelling;
mod tool_names;
mod undoing;
mod upstream;
