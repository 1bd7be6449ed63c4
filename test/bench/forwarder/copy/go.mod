module fairlead/bench/copy

go 1.21
