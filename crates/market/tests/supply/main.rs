//! Supply: closed forms, published counts, back-tests.

mod deliveries;
