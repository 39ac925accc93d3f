//! The typed model: what a value of these types promises, no code needs to check again.
//!
//! Nothing here does I/O, reads a clock or uses floating point. Constructors refuse what breaks the
//! promise; `*_unchecked` does not exist.

pub mod agent;
pub mod agent_life;
pub mod attributes;
pub mod calls;
pub mod constraint_text;
pub mod decline;
pub mod demand;
pub mod devices;
pub mod domain;
pub mod doubt;
pub mod framework;
pub mod ids;
pub mod inverse;
pub mod jitter;
pub mod kill_policy;
pub mod limits;
pub mod masters;
pub mod offer;
pub mod offer_terms;
pub mod operation;
pub mod preemption;
pub mod principal;
pub mod priority;
pub mod quota;
pub mod ranges;
pub mod refusal;
pub mod reservation;
pub mod resize;
pub mod resources;
pub mod role;
pub mod role_settings;
pub mod rota;
pub mod shared;
pub mod status;
pub mod task;
pub mod task_group;
pub mod time;
pub mod volume;
pub mod watch;

pub use agent::AgentInfo;
pub use agent_life::{
    AgentDirective, AgentNotice, DisruptionBudget, DrainPlan, Selector, Unavailability, WindowId,
    WindowPlan,
};
pub use attributes::{Attribute, AttributeValue};
pub use calls::{AgentCall, Order, SchedulerCall, SchedulerEvent, Session, Subscribe};
pub use constraint_text::ConstraintError;
pub use decline::{DeclineFilter, DeclineReason};
pub use demand::{Constraint, StatedDemand};
pub use devices::Devices;
pub use domain::{Domain, DomainSpread, SpreadError};
pub use doubt::{Doubt, Leadership, Question};
pub use framework::FrameworkInfo;
pub use ids::{
    AgentId, ClusterId, DemandId, FrameworkId, GroupId, GroupKey, IdError, NodeId, OfferId,
    OwnerId, RequestId, TaskId, TaskKey, VolumeName,
};
pub use inverse::{InverseAnswer, InverseOffer, InverseOfferId};
pub use kill_policy::{KillPolicy, KillStep, SignalError, StopSignal};
pub use masters::{MasterInfo, Masters};
pub use offer::Offer;
pub use offer_terms::OfferTerms;
pub use operation::{Operation, OperationResult};
pub use preemption::PreemptionNotice;
pub use principal::Principal;
pub use priority::{Priority, PriorityError};
pub use quota::Quota;
pub use ranges::Ranges;
pub use refusal::{Reason, Refusal};
pub use reservation::{
    DeclaredReservation, ReservationId, ReservationPlan, ReservationRef, ReservedPart, Unreserve,
};
pub use resize::Resize;
pub use resources::{Milli, ResourceName, Resources, Value};
pub use role::Role;
pub use role_settings::{Change, OfferMode, PlacementPolicy, RoleSettings, RoleSettingsChange};
pub use rota::Rota;
pub use shared::{AgentVersion, ConflictDetection, SharedAgent, SharedState};
pub use status::{StatusReason, StatusSource, TaskState, TaskStatus};
pub use task::{Command, TaskInfo};
pub use task_group::{GroupState, OnFailure, TaskGroup};
pub use time::{Duration, Instant, WallTime};
pub use volume::{
    OfferedVolume, VolumeAction, VolumeId, VolumeInfo, VolumeKey, VolumeMount, VolumePlan,
    VolumeRef, VolumeReport, VolumeResize, VolumeState,
};
pub use watch::{WatchFilter, WatchKind};
