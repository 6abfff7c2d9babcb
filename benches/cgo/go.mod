module bench

go 1.23

require walstream v0.0.0

replace walstream => ../../bindings/go
