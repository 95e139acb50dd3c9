//! Rules that hold for every translation. They are tested with the project's own fixtures, with recorded traffic if there is a
//! folder of it, and with generated requests and replies.

mod alike;
mod answers;
mod call_shapes;
mod citations;
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
