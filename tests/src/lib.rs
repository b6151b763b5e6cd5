//! What Parlor's proofs share.
